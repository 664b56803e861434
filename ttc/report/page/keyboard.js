// The keyboard: the same keys everywhere, except while typing.

const KEYS = [
  ["j, ↓", "next problem"],
  ["k, ↑", "previous problem"],
  ["Enter", "open the problem"],
  ["/", "search"],
  ["Esc", "leave the search, clear the marked path, close the problem"],
  ["o", "overview"],
  ["p", "problems"],
  ["← → ↑ ↓", "in a tree: to the step before, after, above, below"],
  ["t", "light or dark"],
  ["?", "this help"],
];

function fillHelp() {
  const dialog = document.getElementById("help");
  dialog.append(
    el("h2", { id: "help-title" }, "Keyboard"),
    el(
      "dl",
      { class: "keys-help" },
      KEYS.flatMap(([keys, what]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)]),
    ),
    button("Close", () => dialog.close(), { autofocus: true }),
  );
}

function toggleHelp() {
  const dialog = document.getElementById("help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

/** Handle a key; `actions` are what the page offers. */
function handleKey(event, actions) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.getElementById("help").open) {
    if (event.key === "?") toggleHelp();
    return;
  }
  const typing = event.target.matches?.("input[type=search]");
  if (typing) {
    if (event.key === "Escape" || event.key === "Enter") actions.leaveSearch();
    return;
  }
  const plain = !event.target.closest?.("button, a, select, summary, input, [role=treeitem]");
  const arrows = !event.target.closest?.("select, .tree-viewport, .scroll, .pane");
  const found = {
    j: () => actions.move(1),
    k: () => actions.move(-1),
    "/": actions.search,
    Escape: actions.back,
    "?": toggleHelp,
    t: toggleTheme,
    o: actions.overview,
    p: actions.problems,
    ...(plain ? { Enter: actions.open } : {}),
    ...(arrows ? { ArrowDown: () => actions.move(1), ArrowUp: () => actions.move(-1) } : {}),
  }[event.key];
  if (!found || found() === false) return;
  event.preventDefault();
}
