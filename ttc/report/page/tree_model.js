// The tree of a problem's steps: who descends from whom, what lived, and which steps lead to which candidates.

/** Return a tree with, for each node, its children, depth, state and the candidates below it. */
function treeModel(problem) {
  const { parents, rollouts } = problem.tree;
  const size = parents.length;
  const tree = {
    ...problem.tree,
    size,
    children: Array.from({ length: size }, () => []),
    roots: [],
    depths: new Array(size).fill(0),
    ends: Array.from({ length: size }, () => []), // the candidates that end at a node
    right: new Array(size).fill(0), // how many candidates below a node are right
    wrong: new Array(size).fill(0),
  };
  for (let node = 0; node < size; node++) {
    const parent = parents[node];
    (parent < 0 ? tree.roots : tree.children[parent]).push(node);
    tree.depths[node] = parent < 0 ? 0 : tree.depths[parent] + 1;
  }
  problem.candidates.nodes.forEach((node, candidate) => {
    if (node >= 0) tree.ends[node].push(candidate);
  });
  for (let node = size - 1; node >= 0; node--) {
    for (const candidate of tree.ends[node]) (problem.candidates.correct[candidate] ? tree.right : tree.wrong)[node]++;
    if (parents[node] >= 0) {
      tree.right[parents[node]] += tree.right[node];
      tree.wrong[parents[node]] += tree.wrong[node];
    }
  }
  tree.states = parents.map((_, node) => nodeState(tree, node, rollouts));
  tree.byRounds = parents.every((_, node) => rollouts[node] || tree.rounds[node] === tree.depths[node] + 1);
  for (const children of [tree.roots, ...tree.children]) children.sort((a, b) => compareNodes(tree, a, b));
  return tree;
}

/** Return what became of a step; kept: it leads to a candidate, lost: all that followed was pruned. */
function nodeState(tree, node, rollouts) {
  if (rollouts[node]) return "rollout";
  if (tree.ends[node].length > 0) return "end";
  if (tree.right[node] + tree.wrong[node] > 0) return "kept";
  return tree.children[node].some((child) => !rollouts[child]) ? "lost" : "pruned";
}

/** Those that lead on come first, then by value; rollouts come last. */
function compareNodes(tree, a, b) {
  const leads = (node) => (tree.rollouts[node] ? -1 : tree.right[node] + tree.wrong[node] > 0 ? 1 : 0);
  return leads(b) - leads(a) || (tree.values[b] ?? -1) - (tree.values[a] ?? -1) || a - b;
}

/** Return the nodes from the first step to a node. */
function pathTo(tree, node) {
  const path = [];
  for (let at = node; at >= 0; at = tree.parents[at]) path.unshift(at);
  return path;
}

/** Say in words what became of a step. */
function describeNode(tree, node) {
  const { right, wrong } = tree;
  const leads = [right[node] && `${right[node]} right`, wrong[node] && `${wrong[node]} wrong`]
    .filter(Boolean)
    .join(" and ");
  const candidates = right[node] + wrong[node] === 1 ? "candidate" : "candidates";
  const words = {
    rollout: "sampled only to look ahead, and thrown away",
    pruned: `pruned in round ${tree.rounds[node]}`,
    lost: `a dead end: kept in round ${tree.rounds[node]}, but all that followed was pruned`,
    kept: `leads to ${leads} ${candidates}`,
    end: `the end of ${leads} ${candidates}`,
  };
  return words[tree.states[node]] + (tree.ahead[node] ? "; its value was read at the end of its lookahead" : "");
}
