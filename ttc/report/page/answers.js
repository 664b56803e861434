// What each selection chose, why, and the classes of equal answers.

/** Return the table of selections. */
function choicesTable(problem, own) {
  const rows = problem.choices.map((choice) =>
    el(
      "tr",
      { class: choice.rule === own ? "chosen" : null, "data-rule": choice.rule },
      el("th", { scope: "row" }, choice.rule === own ? `${choice.rule}*` : choice.rule),
      el("td", {}, answerElement(choice.answer, problem.formulas)),
      el("td", {}, gradeMark(choice.correct)),
      el("td", { class: "reason" }, choice.reason),
    ),
  );
  return table(["selection", "answer", "", "why"], rows, "Selections");
}

/** Return the table of answer classes, the most frequent first. */
function classesTable(problem) {
  const chains = problem.classes.some((found) => found.chains !== null);
  const votes = Math.max(...problem.classes.map((found) => found.votes), 1);
  const names = [
    "answer",
    "",
    "votes",
    "",
    "sum of values",
    "highest",
    ...(chains ? ["sum over chains"] : []),
    "chosen by",
  ];
  const rows = problem.classes.map((found) =>
    el(
      "tr",
      { "data-class": found.number },
      el("th", { scope: "row" }, answerElement(found.answer, problem.formulas)),
      el("td", {}, gradeMark(found.correct)),
      el("td", { class: "number" }, found.votes),
      el(
        "td",
        { class: "bar-cell" },
        el("span", { class: "bar", vars: { "--share": `${(100 * found.votes) / votes}%` } }),
      ),
      el("td", { class: "number" }, valueText(found.weight, 3)),
      el("td", { class: "number" }, valueChip(found.highest)),
      chains && el("td", { class: "number" }, valueText(found.chains, 3)),
      el(
        "td",
        { class: "reason" },
        problem.choices
          .filter((choice) => choice.number === found.number)
          .map((choice) => choice.rule)
          .join(", "),
      ),
    ),
  );
  return table(names, rows, "Classes of equal answers");
}

function table(names, rows, label) {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          names.map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      el("tbody", {}, rows),
    ),
  );
}
