// A run's overview, the comparison of several runs, and the figures.

/** Return what was run and how well it did. */
function overviewPage(run) {
  const facts = run.facts.map(([name, value]) =>
    el("div", { class: value.length > 40 ? "wide" : null }, el("dt", {}, name), el("dd", {}, value)),
  );
  const [first, ...others] = run.tables;
  return el(
    "div",
    { class: "overview" },
    el("h1", {}, run.title),
    el("p", { class: "path" }, run.name),
    el("dl", { class: "facts" }, facts),
    el("div", { class: "charts" }, run.charts.map(accuracyChart)),
    el(
      "div",
      { class: "results" },
      resultTable({ ...first, title: "Accuracy overall, and what it cost" }, "h2"),
      others.map((table) => resultTable({ ...table, title: shortTitle(table.title, run.title) }, "h2")),
    ),
    el(
      "p",
      { class: "muted" },
      "Intervals are 95%, over problems. The selection that the run reports is marked with *.",
    ),
  );
}

/** Return a table's title without the run's, which stands above. */
function shortTitle(title, run) {
  const rest = title.startsWith(`${run}: `) ? title.slice(run.length + 2) : title;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

/** Return the table of `ttc compare`. */
function comparisonPage(comparison) {
  return el(
    "div",
    { class: "overview wide" },
    el("h1", {}, `Comparison of ${counted(report.runs.length, "run")}`),
    comparison.reason
      ? el("p", { class: "notice" }, `These runs cannot be compared: ${comparison.reason}`)
      : [
          el("div", { class: "charts" }, comparison.chart && accuracyChart(comparison.chart)),
          resultTable(comparison.table),
        ],
  );
}

/** Return the embedded figures with their captions. */
function figuresPage(figures) {
  return el(
    "div",
    { class: "overview" },
    el("h1", {}, "Figures"),
    figures.map((figure) =>
      el(
        "figure",
        { class: "figure" },
        el("h2", {}, figure.title),
        el("img", { src: figure.image, alt: figure.caption || figure.title }),
        el("figcaption", {}, figure.caption, figure.runs && el("p", {}, figure.runs)),
      ),
    ),
  );
}
