// The list of problems: filters above, and below only the rows that are in view.

const ROW_HEIGHT = 70; // as in explorer.css
const SPARE_ROWS = 8; // drawn above and below what is in view

class ProblemList {
  /** `open` is called with the number of a problem that the reader opens. */
  constructor(run, open) {
    this.run = run;
    this.open = open;
    this.filter = noFilter();
    this.cursor = 0; // a place in `numbers`
    this.opened = null; // the number of the problem in view
    this.count = el("p", { class: "count", role: "status" });
    this.rows = el("div", { class: "rows", role: "listbox", "aria-label": "Problems", tabindex: 0 });
    this.viewport = el("div", { class: "viewport", on: { scroll: () => this.draw() } }, this.rows);
    this.element = el(
      "section",
      { class: "list", "aria-label": "Problems" },
      this.controls(),
      this.count,
      this.viewport,
    );
    new ResizeObserver(() => this.draw()).observe(this.viewport);
    this.apply();
  }

  controls() {
    this.search = el("input", {
      type: "search",
      class: "search",
      placeholder: "Search questions, answers, solutions  ( / )",
      "aria-label": "Search",
      on: { input: () => this.searchSoon() },
    });
    const quintiles = [...new Set(this.run.problems.quintile)].filter((q) => q !== null).sort();
    const outcomes = Object.entries(OUTCOMES).filter(
      ([name]) => name !== "turned" || this.run.problems.turned.some((n) => n > 0),
    );
    return el(
      "div",
      { class: "controls" },
      this.search,
      choice(
        "Outcome",
        outcomes.map(([name, [text]]) => [name, this.outcomeText(name, text)]),
        "all",
        (name) => this.change({ outcome: name }),
      ),
      choice(
        "Order",
        Object.entries(ORDERS).map(([name, [text]]) => [name, text]),
        "given",
        (name) => this.change({ order: name }),
      ),
      quintiles.length > 0 &&
        el(
          "div",
          { class: "quintiles", role: "group", "aria-label": "Quintiles of difficulty" },
          el("span", { class: "muted" }, "quintile"),
          quintiles.map((q) => this.quintileButton(q)),
        ),
    );
  }

  outcomeText(name, text) {
    return name === "over" ? `${text}, value ≥ ${this.run.high_value.toFixed(2)}` : text;
  }

  quintileButton(quintile) {
    const toggle = button(
      String(quintile),
      () => {
        const { quintiles } = this.filter;
        if (!quintiles.delete(quintile)) quintiles.add(quintile);
        toggle.setAttribute("aria-pressed", quintiles.has(quintile));
        this.apply();
      },
      { class: "toggle", "aria-pressed": "false", "aria-label": `Quintile ${quintile}` },
    );
    return toggle;
  }

  change(part) {
    Object.assign(this.filter, part);
    this.apply();
  }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const query = this.search.value;
      if (query.trim() !== "") this.count.textContent = "Searching…";
      const found = await searchProblems(this.run, query);
      if (query === this.search.value) this.change({ query, found }); // else a later search is under way
    }, 150);
  }

  /** Filter and sort again; the cursor stays on its problem if that is still there. */
  apply() {
    const current = this.numbers?.[this.cursor];
    this.numbers = filteredProblems(this.run, this.filter);
    this.cursor = Math.max(0, this.numbers.indexOf(current));
    const all = this.run.problems.id.length;
    const right = this.numbers.filter((n) => this.run.problems.correct[n]).length;
    const share = this.numbers.length > 0 ? `, ${((100 * right) / this.numbers.length).toFixed(1)}% right` : "";
    this.count.textContent = `${this.numbers.length.toLocaleString("en")} of ${counted(all, "problem")}${share}`;
    this.rows.style.setProperty("height", `${this.numbers.length * ROW_HEIGHT}px`);
    this.draw();
    this.reveal();
  }

  draw() {
    const { scrollTop, clientHeight } = this.viewport;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(this.numbers.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + SPARE_ROWS);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.row(place));
    this.rows.replaceChildren(...rows);
    if (this.numbers.length > 0) this.rows.setAttribute("aria-activedescendant", `row-${this.numbers[this.cursor]}`);
    else this.rows.removeAttribute("aria-activedescendant");
  }

  row(place) {
    const n = this.numbers[place];
    const { id, question, subject, level, quintile, correct, candidates, highest } = this.run.problems;
    const about = [subject[n], level[n] !== null && `level ${level[n]}`, counted(candidates[n], "candidate")];
    return el(
      "div",
      {
        class: "row",
        role: "option",
        id: `row-${n}`,
        "data-problem": n,
        vars: { top: `${place * ROW_HEIGHT}px` },
        "aria-selected": String(n === this.opened),
        "aria-posinset": place + 1,
        "aria-setsize": this.numbers.length,
        "data-cursor": place === this.cursor,
        on: {
          click: () => {
            this.cursor = place;
            this.openCursor();
          },
        },
      },
      gradeMark(correct[n]),
      el("span", { class: "row-title" }, question[n].replaceAll("$", "") || id[n]),
      el("span", { class: "row-quintile", title: "quintile of difficulty" }, quintile[n] !== null && `q${quintile[n]}`),
      valueChip(highest[n], { title: "highest value of a candidate" }),
      el("span", { class: "row-about" }, about.filter(Boolean).join(" · ")),
      el("span", { class: "row-id" }, id[n]),
    );
  }

  /** Move the cursor; where a problem is open, open the one that it moves to. */
  move(step) {
    if (this.numbers.length === 0) return;
    this.cursor = Math.min(Math.max(this.cursor + step, 0), this.numbers.length - 1);
    if (this.opened !== null) this.openCursor();
    this.reveal();
    this.draw();
  }

  openCursor() {
    if (this.numbers.length > 0) this.open(this.numbers[this.cursor]);
  }

  /** Mark the problem that is open, and put the cursor there. */
  mark(number) {
    this.opened = number;
    const place = this.numbers.indexOf(number);
    if (place >= 0) this.cursor = place;
    this.reveal();
    this.draw();
  }

  reveal() {
    const top = this.cursor * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.viewport;
    if (clientHeight === 0) return;
    if (top < scrollTop) this.viewport.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.viewport.scrollTop = top + ROW_HEIGHT - clientHeight;
  }
}
