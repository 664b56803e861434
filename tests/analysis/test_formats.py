"""Tables as text, Markdown, CSV and LaTeX: the numbers are right, and text of others stays text."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from ttc.analysis.formats import (
    AtLeast,
    Cell,
    Column,
    ReportTable,
    TableFormat,
    Unit,
    comma_separated,
    print_tables,
)
from ttc.analysis.intervals import Interval
from ttc.analysis.markup import latex, markdown
from ttc.files import neutralized
from ttc.terminal import printable_line

COLUMNS = [
    Column("name"),
    Column("accuracy", Unit.percent),
    Column("difference", Unit.points),
    Column("q1", Unit.error, key="quintile_1"),
    Column("ratio", Unit.ratio),
    Column("FLOPs", Unit.flops),
    Column("n", Unit.count),
    Column("p", Unit.p_value),
    Column("exact", csv_only=True),
]
ROW: Sequence[Cell] = (
    *("beam", Interval(0.829, 0.791, 0.86, 500), Interval(0.09, 0.0, 0.18, 500), Interval(1.0, 0.963, 1.0, 100)),
    *(Interval(8, 6.1, 11, 9), 2.19e9, 12345, 0.0004, 0.1234567890123),
)
EMPTY: Sequence[Cell] = ("best_of_n", 0.5, None, None, math.inf, None, 3, math.nan, None)
TABLE = ReportTable(COLUMNS, [ROW, EMPTY], title="results", notes=["two seeds"])
HOSTILE = st.text(alphabet=st.sampled_from(list("ab=+-@\\|*_`[](){}<>&#$%~^!:/.'\",; \n\t\x1b\u202e1é")), max_size=12)


def printed(*tables: ReportTable, table_format: TableFormat = TableFormat.text, width: int | None = None) -> list[str]:
    terminal = width is not None
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False)
    print_tables(tables, table_format, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def of(*texts: str) -> ReportTable:
    """Return a table in which each text is a heading and a cell, and the first is the title and a note."""
    return ReportTable([Column(text) for text in texts], [texts], title=texts[0], notes=[texts[0]])


# --- text


def test_text_shows_intervals_in_percent_and_marks_what_is_unknown() -> None:
    title, heading, row, empty, note = printed(TABLE)
    assert (title, note) == ("results", "note: two seeds")
    assert heading.split() == ["name", "accuracy", "%", "difference", "q1", "ratio", "FLOPs", "n", "p"]
    expected = "beam 82.9 [79.1, 86.0] +9.0 [+0.0, +18.0] 100.0 -3.7 8.0x [6.1, 11.0] 2.19e+09 12,345 < 0.001"
    assert " ".join(row.split()) == expected
    assert " ".join(empty.split()) == "best_of_n 50.0 ∞ unknown 3 unknown"
    assert row.index("82.9") + len("82.9 [79.1, 86.0]") == empty.index("50.0") + len("50.0")  # flush right


def test_columns_that_do_not_fit_a_terminal_are_printed_below_with_the_first_again() -> None:
    lines = printed(TABLE, width=60)
    assert max(map(len, lines[1:-1])) <= 60
    assert [line.split()[0] for line in lines if line.strip()][1:-1] == ["name", "beam", "best_of_n"] * 2
    assert "79.1, 86.0" in lines[2] and any("2.19e+09" in line for line in lines[5:])


def test_a_heading_says_percent_unless_the_title_does() -> None:
    table = ReportTable([Column("beam", Unit.percent)], [(0.5,)], title="accuracy, %")
    assert printed(table)[1].split() == ["beam"]


def test_a_column_wider_than_the_terminal_is_folded() -> None:
    lines = printed(of("x" * 50, "y"), width=20)
    assert "".join(line.split()[0] for line in lines if line.startswith("x")).count("x") >= 100


@given(HOSTILE.filter(str.strip))
def test_text_is_shown_without_markup_or_control_characters(text: str) -> None:
    table = ReportTable([Column(text)], [(text,)], title=text, notes=[text])
    line = printable_line(text)
    assert [shown.strip() for shown in printed(table)] == [line, line, line, f"note: {line}"]


# --- CSV


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_csv_has_full_precision_and_bounds_in_columns_of_their_own() -> None:
    heading, row, empty = rows_of(comma_separated(TABLE))
    named = dict(zip(heading, row, strict=True))
    assert (named["accuracy"], named["accuracy_lo"], named["accuracy_hi"]) == ("0.829", "0.791", "0.86")
    assert named["quintile_1_lo"] == "0.963" and named["exact"] == "0.1234567890123"
    assert float(named["p"]) == 0.0004 and "FLOPs_lo" not in named
    blank = dict(zip(heading, empty, strict=True))
    assert (blank["accuracy"], blank["accuracy_lo"], blank["difference"], blank["FLOPs"]) == ("0.5", "", "", "")


def test_what_was_not_reached_is_marked_for_readers_and_a_number_in_csv() -> None:
    bound = AtLeast(Interval(8.0, 4.8, math.inf, 9))
    columns = [Column("ratio", Unit.ratio), Column("matched"), Column("reached", csv_only=True)]
    table = ReportTable(columns, [(bound, AtLeast(256.0), "false")])
    assert " ".join(printed(table)[-1].split()) == "> 8.0x [4.8, ∞] > 256"
    assert markdown(table).splitlines()[-1] == "| > 8.0x [4.8, ∞] | > 256 |"
    assert r"$> 8.0\times\,[4.8, \infty]$ & $> 256$" in latex(table)
    assert rows_of(comma_separated(table)) == [
        ["ratio", "ratio_lo", "ratio_hi", "matched", "reached"],
        ["8.0", "4.8", "inf", "256.0", "false"],
    ]


def test_several_csv_tables_have_titles_and_an_empty_line_between() -> None:
    lines = printed(TABLE, TABLE, table_format=TableFormat.csv)
    assert [lines.index("# results"), lines.index(""), len(lines)] == [0, 4, 9]
    assert printed(TABLE, table_format=TableFormat.csv)[0].startswith("name,accuracy")


@given(HOSTILE, HOSTILE)
def test_csv_cells_are_read_back_and_are_no_formulas(first: str, second: str) -> None:
    title, heading, row = rows_of(comma_separated(of(first, second), titled=True))
    assert title == [f"# {printable_line(first)}"]
    assert heading == row == [neutralized(printable_line(first)), neutralized(printable_line(second))]
    assert not any(cell.startswith(("=", "@")) for cell in heading)


# --- Markdown


def cells_of(html: str) -> list[str]:
    return re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", html)


def test_markdown_is_a_github_table() -> None:
    title, _, heading, rule, row, _, _, note = markdown(TABLE).splitlines()
    assert (title, note) == ("**results**", "note: two seeds")
    assert heading == "| name | accuracy % | difference | q1 | ratio | FLOPs | n | p |"
    assert rule == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert row.startswith("| beam | 82.9 [79.1, 86.0] | +9.0 [+0.0, +18.0] | 100.0 -3.7 | 8.0x [6.1, 11.0] |")


@given(HOSTILE, HOSTILE)
def test_markdown_renders_cells_as_they_are(first: str, second: str) -> None:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown(of(first, second)))
    escaped = [printable_line(text) for text in (first, second)]
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        escaped = [text.replace(mark, entity) for text in escaped]
    assert cells_of(html) == escaped * 2
    assert not re.search("<(a|em|code|s|img)[ >]", html)


def test_markdown_makes_no_links_of_addresses() -> None:
    text = markdown(of("see https://a.b, www.c.d, @someone and pass@1"))
    assert not re.search(r"https?://|www\.|\s@", text) and "pass@1" in text


# --- LaTeX


def test_latex_is_a_booktabs_tabular_with_numbers_in_math_mode() -> None:
    lines = latex(TABLE).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs}"
    assert lines[1:5] == ["% results", r"\begin{tabular}{lrrrrrrr}", r"\toprule", lines[4]]
    assert lines[4] == r"name & accuracy \% & difference & q1 & ratio & FLOPs & n & p \\"
    assert lines[6] == (
        r"beam & $82.9\,[79.1, 86.0]$ & $+9.0\,[+0.0, +18.0]$ & $100.0_{-3.7}$ & $8.0\times\,[6.1, 11.0]$ & "
        r"$2.19 \times 10^{9}$ & $12{,}345$ & $< 0.001$ \\"
    )
    assert lines[7] == r"best\_of\_n & $50.0$ &  &  & $\infty$ & unknown & $3$ & unknown \\"
    assert lines[-2:] == [r"\end{tabular}", "% note: two seeds"]


def test_errors_of_two_sides_and_of_one_are_set_as_such_in_latex() -> None:
    cells = [Interval(0.571, 0.532, 0.61, 9), Interval(0.0, 0.0, 0.561, 3), Interval(1.0, 0.5, 1.0, 3)]
    text = latex(ReportTable([Column("q", Unit.error)], [(cell,) for cell in cells]))
    assert [*re.findall(r"\$.*\$", text)] == [r"$57.1 \pm 3.9$", "$0.0^{+56.1}$", "$100.0_{-50.0}$"]


KNOWN = re.compile(r"\\text(?:backslash|asciitilde|asciicircum|less|greater|bar)\{\}|\\[&%$#_{}]|\{[][*]\}")


@given(HOSTILE, HOSTILE)
def test_no_character_of_a_latex_cell_is_a_command(first: str, second: str) -> None:
    lines = latex(of(first, second)).splitlines()
    content = [line.removesuffix(r" \\") for line in lines if line.endswith(r" \\") and not line.startswith("%")]
    assert len(content) == 2
    for line in content:
        assert line.count(" & ") >= 1
        rest = KNOWN.sub("", line.replace(" & ", "", 1))
        assert not re.search(r"[\\&%$#_{}~^*\[\]]", rest)
    assert lines[-1].startswith("% note: ") and lines[-2] == r"\end{tabular}"
