// Where the boxes of a tree stand: a column for each step, in which boxes are stacked in the order of the tree, none above
// its parent. So lines never cross, early columns stay short, and the best path begins at the top.

const BOX = { width: 236, gap: 40, left: 22, top: 48, height: 30, row: 38, compactHeight: 22, compactRow: 26 };
const MANY_ROWS = 60; // from here on rows are closer
const STUB_ROWS = 0.9; // what a box that stands for hidden steps takes of a row
const STUB_HEIGHT = 20;
const ROOT_X = 8;

/** Return the boxes to draw, each with its place; the children hidden at a node become one box that can be opened. */
function layoutTree(tree, shown) {
  const boxes = [];
  const next = []; // the next free row of each column
  placeChildren(tree, -1, { column: 0, row: 0 }, shown, boxes, next);
  const rows = Math.max(1, ...next);
  const compact = rows > MANY_ROWS;
  const [high, height] = compact ? [BOX.compactRow, BOX.compactHeight] : [BOX.row, BOX.height];
  for (const box of boxes) {
    box.x = BOX.left + box.column * (BOX.width + BOX.gap);
    box.y = BOX.top + box.row * high;
  }
  const columns = Math.max(1, next.length);
  const width = BOX.left + columns * (BOX.width + BOX.gap);
  return { boxes, columns, height, compact, width, root: BOX.top + height / 2, total: BOX.top + rows * high + 4 };
}

function placeChildren(tree, parent, from, shown, boxes, next) {
  const { column } = from;
  const children = parent < 0 ? tree.roots : tree.children[parent];
  const place = (box, rows) => {
    box.row = Math.max(next[column] ?? 0, from.row);
    next[column] = box.row + rows;
    boxes.push(box);
    return box;
  };
  for (const node of children.filter(shown)) {
    const box = place({ node, parent, column }, 1);
    placeChildren(tree, node, { column: column + 1, row: box.row }, shown, boxes, next);
  }
  const hidden = children.filter((node) => !shown(node) && !tree.rollouts[node]);
  if (hidden.length > 0) place({ node: null, parent, column, hidden }, STUB_ROWS);
}

/** Return the path of the line from a box, or from the root, to the next box. */
function edgePath(layout, from, to) {
  const half = (box) => (box.node === null ? STUB_HEIGHT : layout.height) / 2;
  const end = to.y + half(to);
  if (from === undefined) return `M${ROOT_X},${layout.root}V${end}H${to.x}`;
  const [x, y] = [from.x + BOX.width, from.y + half(from)];
  const bend = x + BOX.gap / 2;
  return `M${x},${y}C${bend},${y} ${bend},${end} ${to.x},${end}`;
}
