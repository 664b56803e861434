// The data in the page: block 0 is the index, the others hold the problems, a batch each.

const KEPT_BLOCKS = 16;
const blocks = new Map(); // number -> promise of its content; the block used last is the last

/** Decompress one block. */
async function decodeBlock(number) {
  const encoded = document.getElementById(`block-${number}`).textContent;
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Return a block's content; a few are kept. */
function readBlock(number) {
  const content = blocks.get(number) ?? decodeBlock(number);
  blocks.delete(number);
  blocks.set(number, content);
  if (blocks.size > KEPT_BLOCKS) blocks.delete(blocks.keys().next().value);
  return content;
}

/** Return everything about a problem of a run, and the formulas of its batch. */
async function readProblem(run, place) {
  const batch = await readBlock(run.first_block + Math.floor(place / report.batch));
  return { ...batch.problems[place % report.batch], formulas: batch.formulas };
}

/** Return the text of a run's problems in which the search looks, in lower case. Yields to the browser in between. */
async function* searchableTexts(run) {
  const count = run.problems.id.length;
  for (let first = 0; first < count; first += report.batch) {
    const batch = await decodeBlock(run.first_block + first / report.batch);
    yield batch.problems.map((problem, offset) => searchableText(run, first + offset, problem));
  }
}

function searchableText(run, place, problem) {
  const { id, subject } = run.problems;
  const { answers, texts } = problem.candidates;
  const parts = [id[place], subject[place], problem.question, problem.gold, ...answers, ...problem.tree.texts];
  return [...parts, ...Object.values(texts)]
    .filter((part) => part !== null)
    .join("\n")
    .toLowerCase();
}
