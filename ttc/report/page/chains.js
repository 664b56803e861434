// Chains of revisions: the attempts of a chain in sequence, each shown the ones before it.

/** Return the chains of a problem, or null if its candidates are in none. */
function chainsOf(problem) {
  const chains = new Map();
  problem.candidates.chains.forEach((chain, candidate) => {
    if (chain !== null) chains.set(chain, [...(chains.get(chain) ?? []), candidate]);
  });
  return chains.size > 0 ? [...chains] : null;
}

/** Return the view of chains; a click on an attempt calls `select` with its candidate. */
function chainsView(problem, chains, select) {
  const turns = countTurns(problem, chains);
  return el(
    "div",
    { class: "chains" },
    el(
      "div",
      { class: "toolbar" },
      el(
        "span",
        { class: "muted" },
        `${counted(chains.length, "chain")}; turned right: ${turns.righted}, turned wrong: ${turns.wronged}`,
      ),
      valueLegend(),
    ),
    el(
      "div",
      { class: "chains-scroll" },
      chains.map(([chain, members]) =>
        el(
          "ol",
          { class: "chain", "aria-label": `Chain ${chain + 1}`, "data-chain": chain },
          el("li", { class: "chain-name" }, `chain ${chain + 1}`),
          members.flatMap((candidate, place) => [
            place > 0 && arrow(problem, members[place - 1], candidate),
            attempt(problem, candidate, place, select),
          ]),
        ),
      ),
    ),
  );
}

function countTurns(problem, chains) {
  const { correct } = problem.candidates;
  const pairs = chains.flatMap(([, members]) =>
    members.slice(1).map((candidate, n) => [correct[members[n]], correct[candidate]]),
  );
  return { righted: pairs.filter(([a, b]) => !a && b).length, wronged: pairs.filter(([a, b]) => a && !b).length };
}

function attempt(problem, candidate, place, select) {
  const { answers, correct, scores } = problem.candidates;
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: `attempt ${correct[candidate] ? "is-right" : "is-wrong"}`,
        "data-candidate": candidate,
        on: { click: () => select([candidate]) },
      },
      el("span", { class: "attempt-number" }, `${place + 1}`),
      gradeMark(correct[candidate] === 1),
      answerElement(answers[candidate], problem.formulas),
      valueChip(scores[candidate]),
    ),
  );
}

/** Return the arrow between two attempts; it says where right turns wrong, or wrong right. */
function arrow(problem, before, after) {
  const { correct } = problem.candidates;
  const turn = correct[before] === correct[after] ? null : correct[after] ? "righted" : "wronged";
  const words = { righted: "wrong → right", wronged: "right → wrong" };
  return el(
    "li",
    { class: `arrow ${turn ?? ""}`, "data-turn": turn },
    turn ? words[turn] : el("span", { "aria-hidden": "true" }, "→"),
  );
}
