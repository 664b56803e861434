// Tables of results, as `ttc show` and `ttc compare` print them.

/** Return a table with its title and notes; `bold` says which rows stand out. */
function resultTable(table, heading = "h3") {
  const cells = (row, tag) =>
    row.map((text, n) =>
      el(tag, { class: table.right[n] ? "number" : null, scope: tag === "th" ? "col" : null }, text),
    );
  const rows = table.rows.map((row) => el("tr", { class: row[0].endsWith("*") ? "chosen" : null }, cells(row, "td")));
  return el(
    "section",
    { class: "result" },
    table.title && el(heading, {}, table.title),
    el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": table.title || "Table" },
      el("table", {}, el("thead", {}, el("tr", {}, cells(table.columns, "th"))), el("tbody", {}, rows)),
    ),
    table.notes.length > 0 &&
      el(
        "ul",
        { class: "notes" },
        table.notes.map((note) => el("li", {}, note)),
      ),
  );
}
