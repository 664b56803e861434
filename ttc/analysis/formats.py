"""Tables of results as text, Markdown, CSV or LaTeX: what `--format` chooses."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ttc.analysis.intervals import Interval
from ttc.analysis.markup import latex, markdown
from ttc.analysis.report_table import AtLeast, Cell, Column, Known, ReportTable, Unit, heading, numeric, shown
from ttc.files import neutralized
from ttc.terminal import WIDE, plain_table, print_plain, printable_line

__all__ = ["AtLeast", "Cell", "Column", "ReportTable", "TableFormat", "Unit", "comma_separated", "print_tables"]

_PADDING = 2  # between the columns of a plain table


class TableFormat(StrEnum):
    """How tables are written."""

    text = "text"
    md = "md"
    csv = "csv"
    latex = "latex"


def print_tables(
    tables: Sequence[ReportTable],
    table_format: TableFormat = TableFormat.text,
    console: Console | None = None,
) -> None:
    """Print tables to a console, by default standard output.

    Text is 200 columns wide where the output is piped; columns that do not fit are printed below the others. CSV holds
    full precision, shares as shares, and the bounds of intervals in columns of their own (`NAME_lo`, `NAME_hi`); with
    several tables, each has a line `# TITLE` above it, and an empty line separates it from the next.
    """
    console = console or Console(highlight=False)
    if table_format is TableFormat.text:
        _print_text(tables, console)
        return
    several = len(tables) > 1
    render: dict[TableFormat, Callable[[ReportTable], str]] = {
        TableFormat.md: markdown,
        TableFormat.csv: lambda table: comma_separated(table, titled=several),
        TableFormat.latex: latex,
    }
    print_plain(console, "\n".join(render[table_format](table) for table in tables).rstrip("\n"))


def _print_text(tables: Sequence[ReportTable], console: Console) -> None:
    if not console.is_terminal:
        console.width = WIDE
    for place, table in enumerate(table.for_readers() for table in tables):
        if place:
            console.print()
        if table.title:
            print_plain(console, printable_line(table.title), style="bold")
        _print_grid(table, console)
        for note in table.notes:
            print_plain(console, f"note: {printable_line(note)}", style="dim")


def _print_grid(table: ReportTable, console: Console) -> None:
    headings = [heading(column, table) for column in table.columns]
    rows = [[shown(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    right = numeric(table)
    widths = [max(map(cell_len, texts)) + _PADDING for texts in zip(headings, *rows, strict=True)]
    for place, block in enumerate(_blocks(widths, console.width)):
        if place:
            console.print()
        grid = plain_table()
        for n in block:
            grid.add_column(Text(headings[n]), justify="right" if right[n] else "left", overflow="fold")
        for row in rows:
            grid.add_row(*(row[n] for n in block))
        console.print(grid)


def _blocks(widths: Sequence[int], limit: int) -> list[list[int]]:
    """Return the columns to print side by side: as many as fit, then the others below, again after the first."""
    blocks = [[0]] if widths else []
    for n in range(1, len(widths)):
        if sum(widths[m] for m in blocks[-1]) + widths[n] - _PADDING > limit and len(blocks[-1]) > 1:
            blocks.append([0])
        blocks[-1].append(n)
    return blocks


def comma_separated(table: ReportTable, *, titled: bool = False) -> str:
    """Return a table as CSV in full precision; no text of it can act as a formula in a spreadsheet program.

    A lower bound is written as a number: a table that holds some needs a column that says so.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    rows = [[cell.value if isinstance(cell, AtLeast) else cell for cell in row] for row in table.rows]
    spread = [any(isinstance(row[n], Interval) for row in rows) for n in range(len(table.columns))]
    if titled:
        writer.writerow([f"# {printable_line(table.title)}"])
    writer.writerow([*_csv_heading(table.columns, spread)])
    writer.writerows([*_csv_row(row, spread)] for row in rows)
    return stream.getvalue()


def _csv_heading(columns: Sequence[Column], spread: Sequence[bool]) -> Iterator[str]:
    for column, wide in zip(columns, spread, strict=True):
        name = column.key or column.name
        yield _csv_text(name)
        if wide:
            yield from (_csv_text(f"{name}_{bound}") for bound in ("lo", "hi"))


def _csv_row(row: Sequence[Known], spread: Sequence[bool]) -> Iterator[str | float]:
    for cell, wide in zip(row, spread, strict=True):
        if isinstance(cell, Interval):
            yield from (cell.mean, cell.lo, cell.hi)
            continue
        yield "" if cell is None else _csv_text(cell) if isinstance(cell, str) else cell
        if wide:
            yield from ("", "")


def _csv_text(text: str) -> str:
    return neutralized(printable_line(text))
