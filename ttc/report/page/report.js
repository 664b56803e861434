// The report: reads the index, then shows what the address says: #/RUN, #/RUN/problems, #/RUN/problems/NUMBER.

let report; // the index of the data
let explorer = null; // the list and the problem of one run
let lastRun = 0; // the views of all runs go back to it
let opening = 0; // counts the problems opened: a slow one must not replace a later one

async function start() {
  report = await readBlock(0);
  report.formulaPattern = new RegExp(report.pattern, "gs");
  fillHelp();
  addEventListener("hashchange", route);
  addEventListener("keydown", (event) => handleKey(event, actions));
  await route();
}

/** Return what the address says. */
function currentPlace() {
  const [first, view, number] = location.hash.replace(/^#\/?/, "").split("/");
  if (first === "comparison" && report.comparison) return { run: lastRun, view: "comparison" };
  if (first === "figures" && report.figures.length > 0) return { run: lastRun, view: "figures" };
  const run = report.runs[Number(first)] ? Number(first) : 0;
  const known = /^\d+$/.test(number ?? "") && Number(number) < report.runs[run].problems.id.length;
  return { run, view: view === "problems" ? "problems" : "overview", problem: known ? Number(number) : null };
}

async function route() {
  const place = currentPlace();
  lastRun = place.run;
  const run = report.runs[place.run];
  const main = document.getElementById("main");
  drawTop(place);
  document.title = `${run.title} – ttc report`;
  document.body.dataset.view = place.view;
  document.body.classList.toggle("problem-open", place.view === "problems" && place.problem !== null);
  if (place.view === "problems") {
    await showProblems(main, run, place);
  } else {
    const pages = {
      overview: () => overviewPage(run),
      comparison: () => comparisonPage(report.comparison),
      figures: () => figuresPage(report.figures),
    };
    main.replaceChildren(pages[place.view]());
    scrollTo(0, 0);
  }
}

function drawTop(place) {
  const links = [
    ["overview", `#/${place.run}`, "Overview"],
    ["problems", `#/${place.run}/problems`, "Problems"],
    report.comparison && ["comparison", "#/comparison", "Comparison"],
    report.figures.length > 0 && ["figures", "#/figures", "Figures"],
  ];
  const several = report.runs.length > 1;
  document.getElementById("top").replaceChildren(
    report.home ? el("a", { class: "brand", href: "/" }, "ttc runs") : el("span", { class: "brand" }, "ttc"),
    several
      ? choice(
          "Run",
          report.runs.map((run, n) => [String(n), run.label]),
          String(place.run),
          (n) => {
            location.hash = `#/${n}${place.view === "problems" ? "/problems" : ""}`;
          },
        )
      : el("span", { class: "run-title" }, report.runs[0].title),
    el(
      "nav",
      { "aria-label": "Views" },
      links
        .filter(Boolean)
        .map(([view, href, text]) => el("a", { href, "aria-current": view === place.view ? "page" : null }, text)),
    ),
    el(
      "span",
      { class: "tools" },
      themeButton(),
      button("?", toggleHelp, { class: "quiet", "aria-label": "Keyboard help", title: "Keyboard help (?)" }),
    ),
  );
}

async function showProblems(main, run, place) {
  if (explorer?.run !== run) {
    const list = new ProblemList(run, (number) => {
      location.hash = `#/${place.run}/problems/${number}`;
    });
    explorer = {
      run,
      place: place.run,
      list,
      pane: el("div", { class: "pane", tabindex: -1, "aria-label": "Problem", role: "region" }),
      view: null,
    };
    explorer.element = el("div", { class: "explorer" }, list.element, explorer.pane);
  }
  if (main.firstChild !== explorer.element) main.replaceChildren(explorer.element);
  explorer.list.mark(place.problem);
  if (place.problem === null) {
    explorer.view = null;
    explorer.pane.replaceChildren(el("p", { class: "empty" }, "Choose a problem: click it, or j, k and Enter."));
    return;
  }
  const own = ++opening;
  const view = await problemView(run, place.problem);
  if (own !== opening) return;
  explorer.view = view;
  explorer.pane.replaceChildren(view.element);
  explorer.pane.scrollTop = 0;
  announce(`Problem ${run.problems.id[place.problem]}`);
}

const inProblems = () => currentPlace().view === "problems";

const actions = {
  move: (step) => inProblems() && explorer.list.move(step),
  search: () => inProblems() && (explorer.list.search.focus(), explorer.list.search.select()),
  open: () => inProblems() && explorer.list.openCursor(),
  leaveSearch: () => explorer.list.rows.focus({ preventScroll: true }),
  overview: () => {
    location.hash = `#/${currentPlace().run}`;
  },
  problems: () => {
    location.hash = `#/${currentPlace().run}/problems`;
  },
  back: () => {
    if (!inProblems() || explorer.view?.clear()) return;
    if (currentPlace().problem !== null) location.hash = `#/${currentPlace().run}/problems`;
  },
};

start();
