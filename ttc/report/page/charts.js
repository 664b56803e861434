// Charts of accuracy with 95% intervals: points side by side in each group; selections differ in colour and in shape.

const CHART = { width: 560, height: 260, left: 40, right: 10, top: 12, bottom: 40 };
const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "bar"];
const STYLES = ["pass@1", "majority", "best", "weighted", "hierarchical", "oracle"]; // alike in every chart
const NAMES = {
  quintile: "quintile of difficulty (1 easiest)",
  budget: "budget (generations)",
  attempt: "attempt",
  level: "level",
};

/** Return the path of a point's shape around (x, y). */
function shapePath(shape, x, y, r = 4) {
  const paths = {
    circle: `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
    square: `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    triangle: `M${x},${y - r - 1}l${r + 1},${2 * r}h${-2 * r - 2}z`,
    diamond: `M${x},${y - r - 1}l${r + 1},${r + 1}l${-r - 1},${r + 1}l${-r - 1},${-r - 1}z`,
    cross: `M${x - r},${y - 1}h${r - 1}v${1 - r}h2v${r - 1}h${r - 1}v2h${1 - r}v${r - 1}h-2v${1 - r}h${1 - r}z`,
    bar: `M${x - r},${y - 1.5}h${2 * r}v3h${-2 * r}z`,
  };
  return paths[shape];
}

/** Return a chart with its legend. */
function accuracyChart(chart) {
  const { width, height, left, right, top, bottom } = CHART;
  const band = (width - left - right) / chart.groups.length;
  const y = (percent) => top + (height - top - bottom) * (1 - percent / 100);
  const spread = Math.min(14, (band - 8) / chart.series.length);
  const x = (group, series) => left + band * (group + 0.5) + spread * (series - (chart.series.length - 1) / 2);
  const drawing = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chart.title },
    gridLines(y),
    groupLabels(chart, band),
    chart.series.map((series, n) => seriesMarks(series, n, chart.groups, (group) => x(group, n), y)),
  );
  return el(
    "figure",
    { class: "chart-box" },
    el("figcaption", {}, chart.title),
    drawing,
    el("ul", { class: "keys" }, chart.series.map(seriesKey)),
  );
}

function gridLines(y) {
  return [0, 20, 40, 60, 80, 100].flatMap((percent) => [
    svg("line", { class: "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: y(percent), y2: y(percent) }),
    svg("text", { class: "tick", x: CHART.left - 8, y: y(percent) + 4, "text-anchor": "end" }, String(percent)),
  ]);
}

function groupLabels(chart, band) {
  const base = CHART.height - CHART.bottom;
  const every = Math.ceil(chart.groups.length / 16);
  const shown = chart.groups.map(
    (group, n) =>
      n % every === 0 &&
      svg(
        "text",
        {
          class: "tick",
          x: CHART.left + band * (n + 0.5),
          y: base + 16,
          "text-anchor": "middle",
        },
        group,
      ),
  );
  const middle = (CHART.left + CHART.width - CHART.right) / 2;
  return [
    ...shown,
    svg("text", { class: "axis", x: middle, y: base + 34, "text-anchor": "middle" }, NAMES[chart.kind] ?? chart.kind),
  ];
}

/** Return the number of a series' colour and shape. */
function styleOf(series, number) {
  const known = STYLES.indexOf(series.name);
  return known >= 0 ? known : number % STYLES.length;
}

function seriesMarks(series, number, groups, x, y) {
  const style = styleOf(series, number);
  return series.points.map(
    (point, group) =>
      point &&
      svg(
        "g",
        { class: `series series-${style}` },
        svg(
          "title",
          {},
          `${series.name}, ${groups[group]}: ${point[0].toFixed(1)} [${point[1].toFixed(1)}, ${point[2].toFixed(1)}]`,
        ),
        svg("line", { class: "interval", x1: x(group), x2: x(group), y1: y(point[1]), y2: y(point[2]) }),
        svg("path", { class: "point", d: shapePath(SHAPES[style], x(group), y(point[0])) }),
      ),
  );
}

function seriesKey(series, number) {
  const style = styleOf(series, number);
  return el(
    "li",
    {},
    svg(
      "svg",
      { class: `key series series-${style}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
      svg("path", { class: "point", d: shapePath(SHAPES[style], 6, 6) }),
    ),
    series.name,
  );
}
