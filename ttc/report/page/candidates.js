// The candidates of a problem: equal solutions are one row; an open row shows the steps with their values.

const FIRST_ROWS = 40;

class CandidateList {
  constructor(problem, show) {
    this.problem = problem;
    this.show = show; // called with the node at which an opened candidate ends
    this.rows = solutions(problem);
    this.body = el("div", { class: "solutions" });
    this.element = el("div", {}, this.body);
    this.draw(FIRST_ROWS);
  }

  draw(count) {
    this.body.replaceChildren(...this.rows.slice(0, count).map((row) => this.row(row)));
    this.drawn = count;
    const rest = this.rows.length - count;
    if (rest > 0)
      this.body.append(
        button(`Show ${counted(rest, "more solution")}`, () => this.draw(this.rows.length), { class: "quiet" }),
      );
  }

  row(members) {
    const { answers, correct, scores, finishes, tokens, chains } = this.problem.candidates;
    const [first] = members;
    const about = [
      members.length > 1 ? `candidates ${spans(members)}` : `candidate ${first + 1}`,
      chains[first] !== null && `chain ${chains[first] + 1}`,
      tokens[first] !== null && counted(tokens[first], "token"),
      finishes[first] === "length" && "cut at the token limit",
      finishes[first] === "step" && "unfinished",
    ];
    const details = el(
      "details",
      { class: "solution", "data-candidates": members.join(" "), on: { toggle: () => this.toggle(details, first) } },
      el(
        "summary",
        {},
        gradeMark(correct[first] === 1),
        answerElement(answers[first], this.problem.formulas),
        valueChip(scores[first]),
        el("span", { class: "times" }, members.length > 1 ? `×${members.length}` : ""),
        this.strip(first),
        el("span", { class: "muted about" }, about.filter(Boolean).join(" · ")),
      ),
    );
    return details;
  }

  /** Return the values of the steps as a strip of colours. */
  strip(candidate) {
    const values = this.steps(candidate)
      .map(([, value]) => value)
      .slice(0, 24);
    return el(
      "span",
      { class: "strip", "aria-hidden": "true" },
      values.map((value) => el("i", { vars: valueColours(value) })),
    );
  }

  toggle(details, candidate) {
    if (!details.open || details.querySelector(".steps")) return;
    const { nodes } = this.problem.candidates;
    details.append(
      el(
        "ol",
        { class: "steps" },
        this.steps(candidate).map(([text, value]) =>
          el(
            "li",
            {},
            valueChip(value),
            el("span", { class: "step-full" }, withFormulas(text.trimEnd(), this.problem.formulas)),
          ),
        ),
      ),
      this.show &&
        nodes[candidate] >= 0 &&
        button("Mark the path in the tree", () => this.show(nodes[candidate]), { class: "quiet" }),
    );
  }

  /** Return the steps of a candidate, each a pair of text and value. */
  steps(candidate) {
    const { tree, candidates } = this.problem;
    const own = candidates.values[candidate];
    if (candidates.texts[candidate] !== undefined)
      return [[candidates.texts[candidate], own?.at(-1) ?? candidates.scores[candidate]]];
    const path = pathTo(tree, candidates.nodes[candidate]);
    const missing = path.length - (own?.length ?? 0);
    return path.map((node, n) => [tree.texts[node], own ? (own[n - missing] ?? null) : tree.values[node]]);
  }

  /** Open the rows of some candidates, and scroll to the first if wanted. */
  open(members, scroll) {
    const wanted = new Set(members);
    if (this.rows.findIndex((row) => row.some((candidate) => wanted.has(candidate))) >= this.drawn)
      this.draw(this.rows.length);
    const found = [...this.body.querySelectorAll("details")].filter((row) =>
      row.dataset.candidates.split(" ").some((n) => wanted.has(Number(n))),
    );
    for (const row of found) {
      row.open = true;
      this.toggle(row, Number.parseInt(row.dataset.candidates, 10)); // before the scroll: the event comes later
    }
    if (scroll) found[0]?.scrollIntoView({ block: "nearest" });
  }
}

/** Group candidates with the same text and values, the highest score first. */
function solutions(problem) {
  const { nodes, scores, texts, values, chains } = problem.candidates;
  const groups = new Map();
  nodes.forEach((node, candidate) => {
    const own =
      node < 0 || chains[candidate] !== null || texts[candidate] !== undefined || values[candidate] !== undefined;
    const key = own ? `candidate ${candidate}` : `node ${node}`;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  });
  return [...groups.values()].sort((a, b) => (scores[b[0]] ?? -1) - (scores[a[0]] ?? -1) || a[0] - b[0]);
}

/** Return numbers from 1 with runs of them shortened: 1–3, 7. */
function spans(members) {
  const parts = [];
  for (const number of members.map((candidate) => candidate + 1)) {
    const last = parts.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  const shown = parts
    .slice(0, 6)
    .map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`))
    .join(", ");
  return parts.length > 6 ? `${shown}, …` : shown;
}
