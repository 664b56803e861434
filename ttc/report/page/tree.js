// The view of a tree: a box for each step, coloured by its value, and below it the whole text of the step in focus.

const MARGIN = 800; // pixels around what is in view in which boxes are drawn, too
const FIRST_VIEW = [1600, 1000]; // what is taken to be in view before the tree is on the page
const LOOKAHEAD_BOXES = 120; // in larger trees rollouts are hidden at first

class TreeView {
  constructor(problem, select) {
    this.problem = problem;
    this.tree = treeModel(problem);
    this.select = select; // called with the candidates that end at a step that was clicked
    this.opened = new Set(); // the nodes (-1: the problem) whose pruned children are shown
    this.path = new Set();
    this.showPruned = false;
    const leading = this.tree.states.filter((state) => state === "kept" || state === "end").length;
    this.showRollouts = leading <= LOOKAHEAD_BOXES;
    this.canvas = el("div", {
      class: "tree-canvas",
      role: "tree",
      "aria-label": "Search tree",
      on: {
        mouseover: (event) => this.inform(nodeOf(event)),
        focusin: (event) => this.inform(nodeOf(event)),
        click: (event) => this.click(event),
        keydown: (event) => this.key(event),
      },
    });
    const scroll = () => requestAnimationFrame(() => this.drawBoxes());
    this.viewport = el("div", { class: "tree-viewport", tabindex: -1, on: { scroll } }, this.canvas);
    this.info = el("div", { class: "step-info", "aria-live": "polite" });
    this.element = el("div", { class: "tree" }, this.toolbar(), this.viewport, this.info);
    this.draw();
    this.inform(null);
  }

  toolbar() {
    const { states, rollouts } = this.tree;
    const pruned = states.filter((state) => state === "pruned" || state === "lost").length;
    const toggle = (label, name) =>
      el(
        "label",
        {},
        el("input", {
          type: "checkbox",
          checked: this[name],
          "data-toggle": name,
          on: {
            change: (event) => {
              this[name] = event.target.checked;
              this.opened.clear();
              this.draw();
            },
          },
        }),
        label,
      );
    return el(
      "div",
      { class: "toolbar" },
      pruned > 0 && toggle(`show pruned steps (${pruned.toLocaleString("en")})`, "showPruned"),
      rollouts.some(Boolean) && toggle("show lookahead", "showRollouts"),
      stateLegend(this.tree),
      valueLegend(),
    );
  }

  isShown(node) {
    if (this.path.has(node)) return true;
    if (this.tree.rollouts[node]) return this.showRollouts;
    if (this.tree.right[node] + this.tree.wrong[node] > 0) return true;
    return this.showPruned || this.opened.has(this.tree.parents[node]);
  }

  /** Lay out and draw everything again. */
  draw() {
    const layout = layoutTree(this.tree, (node) => this.isShown(node));
    this.layout = layout;
    this.boxOf = new Map(layout.boxes.filter((box) => box.node !== null).map((box) => [box.node, box]));
    this.elements = new Map(); // box -> element, of those that are drawn
    this.canvas.classList.toggle("compact", layout.compact);
    const size = { width: `${layout.width}px`, height: `${layout.total}px` };
    setAttributes(this.canvas, { vars: { ...size, "--box": `${BOX.width}px`, "--high": `${layout.height}px` } });
    const lines = edgeLines(this.tree, layout, this.boxOf, this.path);
    this.canvas.replaceChildren(lines, columnHeadings(this.tree, layout));
    this.drawBoxes();
  }

  /** Draw the boxes in view and around it; a large tree has thousands. */
  drawBoxes() {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.viewport;
    const [width, height] = clientWidth > 0 ? [clientWidth, clientHeight] : FIRST_VIEW;
    const near = (box) =>
      box.x > scrollLeft - MARGIN - BOX.width &&
      box.x < scrollLeft + width + MARGIN &&
      box.y > scrollTop - MARGIN &&
      box.y < scrollTop + height + MARGIN;
    for (const box of this.layout.boxes) {
      const drawn = this.elements.get(box);
      if (near(box) && !drawn) this.canvas.append(this.drawBox(box));
      else if (drawn && !near(box) && drawn !== document.activeElement) {
        drawn.remove();
        this.elements.delete(box);
      }
    }
    const tabbable = this.canvas.querySelector('[tabindex="0"]') ?? this.canvas.querySelector(".step");
    tabbable?.setAttribute("tabindex", "0");
  }

  drawBox(box) {
    const element =
      box.node === null
        ? stubBox(box, () => this.open(box.parent))
        : stepBox(this.tree, box, this.path.has(box.node), this.problem.formulas);
    if (box.node !== null && box.node === this.focused) element.setAttribute("tabindex", "0");
    this.elements.set(box, element);
    return element;
  }

  /** Show the pruned children of a node. */
  open(node) {
    this.opened.add(node);
    this.draw();
  }

  click(event) {
    const node = nodeOf(event);
    if (node === null) return;
    this.highlight(node);
    this.select(this.tree.ends[node]);
  }

  /** Mark the path to a node; null marks none. */
  highlight(node) {
    const focus = this.canvas.contains(document.activeElement);
    this.path = new Set(node === null ? [] : pathTo(this.tree, node));
    this.focused = node ?? this.focused;
    this.draw();
    this.inform(node);
    if (node !== null && focus) this.elements.get(this.boxOf.get(node))?.focus({ preventScroll: true });
  }

  /** Scroll to a node, as far as the view itself goes. */
  scrollTo(node) {
    const box = this.boxOf.get(node);
    if (box)
      this.viewport.scrollTo({
        left: box.x - this.viewport.clientWidth / 2,
        top: box.y - this.viewport.clientHeight / 2,
      });
  }

  key(event) {
    const node = nodeOf(event);
    if (node === null) return;
    const moves = {
      ArrowLeft: () => this.tree.parents[node],
      ArrowRight: () => this.tree.children[node].find((child) => this.boxOf.has(child)),
      ArrowUp: () => this.neighbour(node, -1),
      ArrowDown: () => this.neighbour(node, 1),
    };
    if (event.key === "Enter" || event.key === " ") this.click(event);
    else if (moves[event.key]) this.focus(moves[event.key]());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Return the next box of the same column, above or below. */
  neighbour(node, step) {
    const own = this.boxOf.get(node);
    const column = [...this.boxOf.values()].filter((box) => box.column === own.column).sort((a, b) => a.y - b.y);
    return column[column.indexOf(own) + step]?.node;
  }

  /** Give a node the focus; it may have to be scrolled to and drawn first. */
  focus(node) {
    const box = this.boxOf.get(node);
    if (box === undefined) return;
    if (!this.elements.has(box)) {
      this.scrollTo(node);
      this.drawBoxes();
    }
    for (const other of this.canvas.querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    const element = this.elements.get(box);
    element.setAttribute("tabindex", "0");
    this.focused = node;
    element.focus();
  }

  /** Show the whole step below the tree. */
  inform(node) {
    if (node === null) {
      if (this.info.childElementCount === 0)
        this.info.append(el("p", { class: "muted" }, "Point at a step to read it; click it to mark its path."));
      return;
    }
    const { tree } = this;
    const facts = [
      `value ${valueText(tree.values[node], 4)}`,
      tree.recorded && `round ${tree.rounds[node]}`,
      `drawn ${counted(tree.draws[node], "time")}`,
      tree.finishes[node] === "length" && "cut at the token limit",
      describeNode(tree, node),
    ];
    this.info.replaceChildren(
      el("p", { class: "step-facts" }, valueChip(tree.values[node]), facts.filter(Boolean).join(" · ")),
      el("p", { class: "step-full" }, withFormulas(tree.texts[node].trimEnd(), this.problem.formulas)),
    );
  }
}

function nodeOf(event) {
  const element = event.target.closest?.("[data-node]");
  return element ? Number(element.dataset.node) : null;
}
