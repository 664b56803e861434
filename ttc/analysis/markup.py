"""Tables of results in Markdown and LaTeX."""

from __future__ import annotations

import re

from ttc.analysis.report_table import Cell, ReportTable, Unit, heading, is_number, numeric, shown
from ttc.terminal import printable_line


def markdown(table: ReportTable) -> str:
    """Return a table in GitHub's Markdown; nothing in a cell acts as markup."""
    table = table.for_readers()
    rule = ["---:" if right else "---" for right in numeric(table)]
    cells = [
        [markdown_text(heading(column, table)) for column in table.columns],
        rule,
        *(
            [_markdown_cell(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)]
            for row in table.rows
        ),
    ]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    if table.title:
        lines = [f"**{markdown_text(table.title)}**", "", *lines]
    for note in table.notes:
        lines += ["", f"note: {markdown_text(note)}"]
    return "\n".join(lines) + "\n"


def _markdown_cell(cell: Cell, unit: Unit) -> str:
    # The brackets of an interval need no escape: without a definition of its text, it is no link.
    return shown(cell, unit).replace("<", r"\<") if is_number(cell) else markdown_text(shown(cell, unit))


def markdown_text(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|~$])", r"\\\1", printable_line(text).replace("&", "&amp;"))
    # GitHub makes links of addresses and names.
    return re.sub(r"(?<!\w)@", "&#64;", escaped.replace("://", "&#58;//").replace("www.", "www&#46;"))


def latex(table: ReportTable) -> str:
    """Return a table as a LaTeX tabular, numbers in math mode; nothing in a cell acts as a command."""
    table = table.for_readers()
    alignment = "".join("r" if right else "l" for right in numeric(table))
    rows = [
        [_latex_cell(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    lines = [
        "% needs \\usepackage{booktabs}",
        *([f"% {printable_line(table.title)}"] if table.title else []),
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        " & ".join(_latex_text(heading(column, table)) for column in table.columns) + r" \\",
        "\\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
        *(f"% note: {printable_line(note)}" for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "∞": r"$\infty$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{mark: f"{{{mark}}}" for mark in "[]*"},  # after a line's end, \\, the first two characters are its options
}


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in printable_line(text))


def _latex_cell(cell: Cell, unit: Unit) -> str:
    text = shown(cell, unit)
    if not is_number(cell) or text == "unknown":
        return _latex_text(text)
    text = re.sub(r" ([+-])([\d.]+)$", lambda side: f"{'^' if side[1] == '+' else '_'}{{{side[1]}{side[2]}}}", text)
    text = re.sub(r"(?<=\d),(?=\d)", "{,}", text)  # in thousands, not between bounds
    text = re.sub(r"e([+-]\d+)", lambda power: rf" \times 10^{{{int(power[1])}}}", text)
    for plain, command in (("x", r"\times"), (" [", r"\,["), ("∞", r"\infty"), ("±", r"\pm ")):
        text = text.replace(plain, command)
    return f"${text}$"
