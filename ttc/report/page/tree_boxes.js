// The parts of a drawn tree: lines, headings, and a box for each step, whose border says what became of it.

const MANY_LINES = 300; // from here on they are thinner

/** Draw the lines: all of a kind are one path, for speed. */
function edgeLines(tree, layout, boxOf, marked) {
  const paths = { lost: "", rollout: "", kept: "", marked: "" }; // the last is drawn on top
  for (const box of layout.boxes) {
    const line = edgePath(layout, boxOf.get(box.parent), box);
    const state = box.node === null ? "lost" : tree.states[box.node];
    paths[{ kept: "kept", end: "kept", rollout: "rollout" }[state] ?? "lost"] += line;
    if (marked.has(box.node)) paths.marked += line;
  }
  return svg(
    "svg",
    {
      class: layout.boxes.length > MANY_LINES ? "edges many" : "edges",
      width: layout.width,
      height: layout.total,
      "aria-hidden": "true",
    },
    svg("circle", { class: "root", cx: ROOT_X, cy: layout.root, r: 4 }),
    Object.entries(paths).map(([kind, path]) => path && svg("path", { class: `edge ${kind}`, d: path })),
  );
}

/** Say above each column how much was sampled there and how much of it lived. */
function columnHeadings(tree, layout) {
  const columns = Array.from({ length: layout.columns }, () => ({ draws: 0, steps: 0, kept: 0 }));
  tree.depths.forEach((depth, node) => {
    const column = columns[depth];
    if (column === undefined || tree.rollouts[node]) return;
    column.draws += tree.draws[node];
    column.steps++;
    column.kept += tree.states[node] !== "pruned";
  });
  return el(
    "div",
    { class: "headings" },
    columns.map((column, n) => columnHeading(tree, column, n)),
  );
}

function columnHeading(tree, { draws, steps, kept }, n) {
  const name = tree.byRounds && tree.recorded ? "round" : "step";
  const lived = tree.recorded ? `, ${kept} kept` : "";
  return el(
    "div",
    { class: "heading", vars: { left: `${BOX.left + n * (BOX.width + BOX.gap)}px` } },
    el("strong", {}, `${name} ${n + 1}`),
    steps > 0 && el("span", {}, `${draws} drawn, ${steps} different${lived}`),
  );
}

/** Return the box of a step. */
function stepBox(tree, box, marked, formulas) {
  const { node } = box;
  const state = tree.states[node];
  const text = tree.texts[node].trim();
  return el(
    "div",
    {
      class: `step ${state}${marked ? " on-path" : ""}`,
      role: "treeitem",
      tabindex: "-1",
      "data-node": node,
      "aria-level": tree.depths[node] + 1,
      "aria-label": `${text}, value ${valueText(tree.values[node])}, ${describeNode(tree, node)}`,
      vars: { left: `${box.x}px`, top: `${box.y}px` },
    },
    valueChip(tree.values[node]),
    el("span", { class: "step-text" }, text === "" ? "(empty)" : withFormulas(text, formulas)),
    tree.draws[node] > 1 && el("span", { class: "draws" }, `×${tree.draws[node]}`),
    stepOutcome(tree, node, state),
  );
}

/** Return what a box ends with: a grade at a candidate's end, or a word for what was pruned. */
function stepOutcome(tree, node, state) {
  const ends = tree.ends[node].length;
  if (state === "end") return el("span", { class: "end" }, gradeMark(tree.right[node] > 0), ends > 1 && String(ends));
  const word = { pruned: "pruned", lost: "dead end" }[state];
  return word && el("span", { class: "fate" }, word);
}

/** Return the button that stands for the pruned children of a node. */
function stubBox(box, open) {
  return button(`${box.hidden.length} pruned`, open, {
    class: "stub",
    tabindex: "-1",
    title: "Show these steps",
    "data-parent": box.parent,
    vars: { left: `${box.x}px`, top: `${box.y}px` },
  });
}

/** Explain the borders of the boxes that a tree has. */
function stateLegend(tree) {
  const words = { kept: "leads on", end: "ends a candidate", pruned: "pruned", rollout: "lookahead" };
  const found = Object.keys(words).filter((state) => tree.states.includes(state));
  if (found.length < 3) return null;
  const sample = (state) => el("span", {}, el("i", { class: `step ${state}` }), words[state]);
  return el("span", { class: "state-legend muted" }, found.map(sample));
}
