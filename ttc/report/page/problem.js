// The view of one problem.

/** Return a problem's view, with what the keyboard needs of it. */
async function problemView(run, number) {
  const problem = await readProblem(run, number);
  const own = run.facts.find(([name]) => name === "selection")?.[1];
  const chains = chainsOf(problem);
  const view = { clear: () => false };
  const candidates = new CandidateList(
    problem,
    chains
      ? null
      : (node) => {
          view.tree.highlight(node);
          view.tree.scrollTo(node);
          view.tree.element.scrollIntoView({ block: "nearest" });
        },
  );
  if (!chains && problem.tree.parents.length > 0) {
    view.tree = new TreeView(problem, (members) => candidates.open(members, false));
    view.clear = () => view.tree.path.size > 0 && (view.tree.highlight(null), true);
  }
  view.element = el(
    "article",
    { class: "problem", "data-problem": number },
    problemHeader(run, number),
    section(
      "Question",
      el(
        "p",
        { class: "question" },
        problem.question ? withFormulas(problem.question, problem.formulas) : "The run did not store it.",
      ),
      el(
        "p",
        { class: "gold" },
        el("span", { class: "muted" }, "gold answer "),
        answerElement(problem.gold, problem.formulas),
      ),
      problem.route && el("p", {}, el("span", { class: "muted" }, "route "), problem.route),
    ),
    section("Answers", choicesTable(problem, own), classesTable(problem)),
    chains &&
      section(
        "Revisions",
        chainsView(problem, chains, (members) => candidates.open(members, true)),
      ),
    view.tree &&
      section(
        problem.tree.recorded ? "Search tree" : "Solutions as a tree",
        view.tree.element,
        unsearchedNote(problem),
      ),
    section(
      `${counted(candidates.rows.length, "solution")}, ${counted(problem.candidates.nodes.length, "candidate")}`,
      candidates.element,
    ),
  );
  return view;
}

/** Say how many candidates the tree does not hold, such as a controller's probes. */
function unsearchedNote(problem) {
  const count = problem.candidates.nodes.filter((node) => node < 0).length;
  const verb = count === 1 ? "is" : "are";
  return (
    count > 0 &&
    el("p", { class: "muted note" }, `${counted(count, "candidate")} ${verb} not part of the tree: see below.`)
  );
}

function section(title, ...content) {
  return el("section", {}, el("h2", {}, title), content);
}

function problemHeader(run, number) {
  const { id, subject, level, quintile, correct, candidates, highest, chosen } = run.problems;
  const facts = [
    subject[number],
    level[number] !== null && `level ${level[number]}`,
    quintile[number] !== null && `quintile ${quintile[number]}`,
    counted(candidates[number], "candidate"),
    highest[number] !== null && `highest value ${valueText(highest[number])}`,
  ];
  const over = !correct[number] && chosen[number] !== null && chosen[number] >= run.high_value;
  return el(
    "header",
    { class: "problem-header" },
    el(
      "h1",
      {},
      gradeMark(correct[number]),
      correct[number] ? "Right" : "Wrong",
      over && el("span", { class: "tag" }, "over-optimised"),
    ),
    el("p", { class: "path" }, id[number]),
    el("p", { class: "muted" }, facts.filter(Boolean).join(" · ")),
  );
}
