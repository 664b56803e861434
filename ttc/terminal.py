"""How tables and texts look on a terminal. Every text that ttc did not write itself is made printable here."""

from __future__ import annotations

import logging
import re

from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

WIDE = 200  # columns of a table that is piped: names must not be cut, however many columns there are

# Control characters (C0 without tab and newline, DEL, C1), lone surrogates, line and paragraph separators, and the
# marks that reverse the direction of text: they can hide, recolour or reorder what stands around them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: object) -> str:
    """Return a text that is safe to print: control characters and the like become escapes such as \\x1b.

    Tabs and newlines stay. Windows line ends become newlines.
    """
    return _UNPRINTABLE.sub(_escape, str(text).replace("\r\n", "\n"))


def printable_line(text: object, limit: int | None = None) -> str:
    """Return a printable text on one line, cut to `limit` characters."""
    line = " ".join(printable(text).split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 3]}..."


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class PlainTable(Table):
    """A table whose strings are shown as they are: never as rich's markup, never as control characters."""

    def add_row(
        self, *cells: RenderableType | None, style: str | Style | None = None, end_section: bool = False
    ) -> None:
        """Add a row; see rich."""
        shown = [Text(printable_line(cell)) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*shown, style=style, end_section=end_section)


def plain_table(*left: str, right: tuple[str, ...] = (), title: str | None = None) -> PlainTable:
    """Return an empty table without borders: `left` columns hold names, `right` columns numbers."""
    heading = None if title is None else Text(printable_line(title))
    table = PlainTable(
        box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", title=heading, title_justify="left"
    )
    for name in left:
        table.add_column(Text(printable_line(name)), no_wrap=True)
    for name in right:
        table.add_column(Text(printable_line(name)), justify="right", no_wrap=True)
    return table


def print_plain(console: Console, text: object, style: str = "", width: int | None = None) -> None:
    """Print a text as it is: printable, without rich's markup, and not wrapped."""
    console.print(Text(printable(text), style=style), width=width, soft_wrap=True)


class PlainFormatter(logging.Formatter):
    """Formats log records for terminals and log files: printable, whatever a message quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        return printable(super().format(record))


def percent_with_error(mean: float, lo: float, hi: float) -> str:
    """Format a share with its interval: "57.1 ±3.9", or its only side where the mean is 0 or 1: "100.0 -3.7"."""
    if lo == mean or hi == mean:
        return f"{100 * mean:.1f} {'+' if lo == mean else '-'}{100 * (hi - lo):.1f}"
    return f"{100 * mean:.1f} ±{50 * (hi - lo):.1f}"
