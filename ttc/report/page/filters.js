// Which problems the list shows, and in which order.

const OUTCOMES = {
  all: ["All problems", () => true],
  right: ["Right", (p, n) => p.correct[n]],
  wrong: ["Wrong", (p, n) => !p.correct[n]],
  outvoted: ["Wrong, but the majority is right", (p, n) => !p.correct[n] && p.majority[n] === true],
  missed: ["Wrong, but a candidate is right", (p, n) => !p.correct[n] && p.oracle[n]],
  over: ["Over-optimised: wrong", (p, n, high) => !p.correct[n] && p.chosen[n] !== null && p.chosen[n] >= high],
  turned: ["A revision turned right into wrong", (p, n) => p.turned[n] > 0],
};

const ORDERS = {
  given: ["In the order of the run", null, 1],
  quintile: ["Easiest first", (p, n) => p.quintile[n], 1],
  hardest: ["Hardest first", (p, n) => p.quintile[n], -1],
  highest: ["Highest value first", (p, n) => p.highest[n], -1],
  lowest: ["Lowest value first", (p, n) => p.highest[n], 1],
  chosen: ["Highest value of the chosen answer first", (p, n) => p.chosen[n], -1],
  share: ["Fewest right candidates first", (p, n) => p.share[n], 1],
  level: ["By level", (p, n) => p.level[n], 1],
  subject: ["By subject", (p, n) => p.subject[n], 1],
};

/** Return what nothing is filtered by. */
function noFilter() {
  return { outcome: "all", quintiles: new Set(), order: "given", query: "", found: null };
}

/** Return the numbers of the problems that pass, in order; those without the value sorted by come last. */
function filteredProblems(run, filter) {
  const { problems } = run;
  const passes = OUTCOMES[filter.outcome][1];
  const numbers = problems.id
    .map((_, n) => n)
    .filter(
      (n) =>
        passes(problems, n, run.high_value) &&
        (filter.quintiles.size === 0 || filter.quintiles.has(problems.quintile[n])) &&
        (filter.found === null || filter.found.has(n)),
    );
  const [, key, sign] = ORDERS[filter.order];
  return key === null
    ? numbers
    : numbers.sort((a, b) => sign * compareKeys(key(problems, a), key(problems, b), sign) || a - b);
}

function compareKeys(a, b, sign) {
  if (a === null || b === null) return sign * ((a === null) - (b === null));
  return typeof a === "string" ? a.localeCompare(b, "en") : a - b;
}

/** Return the numbers of the problems that contain every word of a query; null for an empty one. */
async function searchProblems(run, query) {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return null;
  run.texts ??= allTexts(run);
  const all = await run.texts;
  return new Set(all.flatMap((text, n) => (words.every((word) => text.includes(word)) ? [n] : [])));
}

async function allTexts(run) {
  const all = [];
  for await (const texts of searchableTexts(run)) all.push(...texts);
  return all;
}
