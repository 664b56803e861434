"""A table of results, before it is written in any format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ttc.analysis.intervals import Interval
from ttc.terminal import percent_with_error, printable_line


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A lower bound of a number that was not reached."""

    value: float | Interval


Known = str | int | float | Interval | None
Cell = Known | AtLeast
"""None is an empty cell."""


class Unit(Enum):
    """What the numbers of a column are."""

    plain = "plain"
    percent = "percent"  # shares, shown in percent
    error = "error"  # shares with half the width of their intervals: 57.1 ±3.9
    points = "points"  # differences of shares, shown in percentage points
    ratio = "ratio"
    flops = "flops"
    count = "count"
    p_value = "p_value"
    correlation = "correlation"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        unit: of its numbers.
        key: its name in CSV, where it is another.
        csv_only: whether only programs get to see it.
    """

    name: str
    unit: Unit = Unit.plain
    key: str = ""
    csv_only: bool = False


@dataclass(frozen=True)
class ReportTable:
    """A table of results; text that ttc did not write is shown as it is, whatever the format.

    Attributes:
        columns: the headings.
        rows: one cell per column; cells with an interval show its bounds.
        title: printed above.
        notes: printed below; CSV, which programs read, leaves them out.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    notes: Sequence[str] = ()

    def for_readers(self) -> ReportTable:
        """Return the table without the columns that only programs get to see."""
        kept = [n for n, column in enumerate(self.columns) if not column.csv_only]
        return replace(
            self, columns=[self.columns[n] for n in kept], rows=[[row[n] for n in kept] for row in self.rows]
        )


def shown(cell: Cell, unit: Unit) -> str:
    """Return a cell's text, e.g. `82.9 [79.1, 86.0]` for a share with its interval; one line, printable."""
    if cell is None:
        return "unknown" if unit is Unit.flops else ""
    if isinstance(cell, str):
        return printable_line(cell)
    if isinstance(cell, AtLeast):
        return f"> {shown(cell.value, unit)}"
    if not isinstance(cell, Interval):
        return _number(cell, unit)
    if unit is Unit.error:
        return percent_with_error(cell.mean, cell.lo, cell.hi)
    mean, lo, hi = (_number(value, unit) for value in (cell.mean, cell.lo, cell.hi))
    return f"{mean} [{lo.removesuffix('x')}, {hi.removesuffix('x')}]"


def heading(column: Column, table: ReportTable) -> str:
    """Return a column's heading for readers: it says that shares are in percent, unless the title does."""
    name = printable_line(column.name)
    says_so = "%" in name or "%" in table.title
    return f"{name} %".lstrip() if column.unit is Unit.percent and not says_so else name


def _number(value: float, unit: Unit) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "unknown"
    if unit in (Unit.percent, Unit.error):
        return f"{100 * value:.1f}"
    if unit is Unit.points:
        return f"{100 * value + 0.0:+.1f}".replace("-0.0", "+0.0")
    if unit is Unit.ratio:
        return f"{value:.1f}x" if abs(value) < 100 else f"{value:.0f}x"
    if unit is Unit.flops:
        return f"{value:.3g}"
    if unit is Unit.p_value:
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    if unit is Unit.correlation:
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def is_number(cell: Cell) -> bool:
    """Whether a cell holds a number, with an interval or without, or a bound of one."""
    return isinstance(cell, int | float | Interval | AtLeast)


def numeric(table: ReportTable) -> list[bool]:
    """Return for each column whether it holds numbers, which are set flush right."""
    return [any(is_number(row[n]) for row in table.rows) for n in range(len(table.columns))]
