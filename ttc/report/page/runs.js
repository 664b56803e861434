// The list of runs: asks the server every two seconds what is there.

const POLL_MILLISECONDS = 2000;
const REDRAW_MILLISECONDS = 20_000; // of a list that has not changed: its ages have
const STALE_SECONDS = 300; // a run that has written nothing for so long may have been killed

const chosen = new Set(); // the ids of the runs to open together
let listed = null;
let query = "";
let drawn = 0;

async function poll() {
  if (!document.hidden || listed === null) {
    try {
      const answer = await fetch("/runs.json", { cache: "no-store" });
      draw(await answer.json());
      document.getElementById("state").textContent = "";
    } catch {
      document.getElementById("state").textContent = "The server has ended; start it again: ttc view";
    }
  }
  setTimeout(poll, POLL_MILLISECONDS);
}

/** Draw what is running; the finished runs only where they have changed, or their ages have. */
function draw(found) {
  const changed = JSON.stringify(found.finished) !== JSON.stringify(listed?.finished);
  listed = found;
  document.getElementById("running").replaceChildren(...runningRows());
  document.getElementById("running-section").hidden = listed.running.length === 0;
  if (changed || Date.now() - drawn > REDRAW_MILLISECONDS) drawFinished();
}

/** Draw the finished runs again; the focus stays. */
function drawFinished() {
  drawn = Date.now();
  const focused = document.activeElement?.dataset.key;
  document.getElementById("finished").replaceChildren(...finishedRows());
  document.getElementById("finished-title").textContent =
    `Finished runs (${listed.finished.length.toLocaleString("en")})`;
  drawAction();
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function runningRows() {
  return listed.running.map((run) =>
    el(
      "tr",
      {},
      el(
        "td",
        { class: "run-name" },
        el("span", { class: age(run.time) > STALE_SECONDS ? "stale" : "live" }, run.name),
        el("div", { class: "muted" }, run.overrides),
      ),
      el("td", { class: "number" }, run.problems.toLocaleString("en")),
      el("td", { class: "number" }, run.problems > 0 ? `${((100 * run.right) / run.problems).toFixed(1)}` : "–"),
      el("td", { class: "number" }, `${ageText(run.time)} ago`),
    ),
  );
}

function finishedRows() {
  const words = query.toLowerCase().split(/\s+/);
  const text = (run) => Object.values(run).join(" ").toLowerCase();
  const found = listed.finished.filter((run) => words.every((word) => text(run).includes(word)));
  if (found.length === 0) {
    const nothing =
      listed.finished.length === 0
        ? "No run has finished here yet: ttc run strategy=beam budget=16"
        : "No run contains this text.";
    return [el("tr", {}, el("td", { colspan: 10, class: "muted" }, nothing))];
  }
  return found.map(finishedRow);
}

function finishedRow(run) {
  if (run.error) {
    return el(
      "tr",
      {},
      el("td", {}),
      el("td", { class: "run-name" }, run.name),
      el("td", { colspan: 8, class: "error" }, run.error),
    );
  }
  const tick = el("input", {
    type: "checkbox",
    "aria-label": `Choose ${run.name}`,
    "data-key": `tick ${run.id}`,
    checked: chosen.has(run.id),
    on: {
      change: (event) => {
        if (event.target.checked) chosen.add(run.id);
        else chosen.delete(run.id);
        drawAction();
      },
    },
  });
  return el(
    "tr",
    {},
    el("td", {}, tick),
    el(
      "td",
      { class: "run-name" },
      el("a", { href: `/report/${run.id}`, "data-key": `run ${run.id}` }, run.name),
      el("div", { class: "muted" }, run.overrides),
    ),
    el("td", {}, run.strategy),
    el("td", { class: "number" }, run.budget),
    el("td", {}, run.data),
    el("td", { class: "number" }, run.seed),
    el("td", {}, run.selection),
    el("td", { class: "number" }, accuracyText(run.accuracy)),
    el("td", { class: "number" }, run.problems),
    el("td", { class: "number" }, `${ageText(run.time)} ago`),
  );
}

function accuracyText(accuracy) {
  if (accuracy === null) return "–";
  const [mean, low, high] = accuracy.map((share) => (100 * share).toFixed(1));
  return `${mean} [${low}, ${high}]`;
}

function drawAction() {
  for (const id of chosen) if (!listed.finished.some((run) => run.id === id)) chosen.delete(id);
  const link = document.getElementById("together");
  const ready = chosen.size >= 2;
  link.textContent = ready ? `Compare ${chosen.size} runs` : "Compare: choose two or more";
  setAttributes(link, { href: ready ? `/report/${[...chosen].join(",")}#/comparison` : "#" });
  link.toggleAttribute("aria-disabled", !ready);
}

function age(time) {
  return Math.max(0, Date.now() / 1000 - time);
}

function ageText(time) {
  const seconds = age(time);
  for (const [size, unit] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

function table(names, right, id) {
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          names.map((name, n) => el("th", { scope: "col", class: right.includes(n) ? "number" : null }, name)),
        ),
      ),
      el("tbody", { id }),
    ),
  );
}

function frame() {
  document
    .getElementById("top")
    .replaceChildren(el("span", { class: "brand" }, "ttc runs"), el("span", { class: "tools" }, themeButton()));
  const search = el("input", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter the runs",
    on: {
      input: () => {
        query = search.value;
        if (listed !== null) drawFinished();
      },
    },
  });
  document
    .getElementById("main")
    .replaceChildren(
      el("p", { id: "state", class: "muted", role: "status" }),
      el(
        "section",
        { id: "running-section", hidden: true },
        el("div", { class: "bar-tools" }, el("h2", {}, "Running")),
        table(["run", "problems graded", "accuracy so far, %", "last problem"], [1, 2, 3], "running"),
      ),
      el(
        "section",
        {},
        el(
          "div",
          { class: "bar-tools" },
          el("h2", { id: "finished-title" }, "Finished runs"),
          el("a", { id: "together", class: "action", href: "#" }),
          search,
        ),
        table(
          ["", "run", "strategy", "budget", "data", "seed", "selection", "accuracy % [95%]", "problems", "finished"],
          [3, 5, 7, 8, 9],
          "finished",
        ),
      ),
    );
}

frame();
poll();
