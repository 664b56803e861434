"""How tables look on a terminal."""

from __future__ import annotations

from rich.table import Table

WIDE = 200  # columns of a table that is piped: names must not be cut, however many columns there are


def plain_table(*left: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """Return an empty table without borders: `left` columns hold names, `right` columns numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", title=title, title_justify="left")
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def percent_with_error(mean: float, lo: float, hi: float) -> str:
    """Format a share with its interval: "57.1 ±3.9", or its only side where the mean is 0 or 1: "100.0 -3.7"."""
    if lo == mean or hi == mean:
        return f"{100 * mean:.1f} {'+' if lo == mean else '-'}{100 * (hi - lo):.1f}"
    return f"{100 * mean:.1f} ±{50 * (hi - lo):.1f}"
