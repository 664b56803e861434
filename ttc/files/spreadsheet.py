"""Tables as CSV files, which people open in spreadsheet programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.files.writing import DECIMALS, write_text
from ttc.terminal import printable

if TYPE_CHECKING:
    import pandas as pd

# A spreadsheet program runs a cell that begins so as a formula (OWASP, "CSV injection"); "-3" and "+1e5" are numbers.
_FORMULA = re.compile("(?!'*[+-][0-9.]+(?:[eE][+-]?[0-9]+)?\\Z)'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV atomically, floats with six decimals; no text of it can act as a formula.

    Such texts get an apostrophe in front, which spreadsheet programs know as "this is text"; `read_csv` removes it.
    Control characters become escapes, as on a terminal.
    """
    neutral = _with_texts(table, neutralized)
    write_text(path, neutral.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read what `write_csv` wrote."""
    import pandas as pd

    return _with_texts(pd.read_csv(path), _restored)


def _with_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    changed = table.map(lambda cell: change(cell) if isinstance(cell, str) else cell)
    return changed.rename(columns=lambda name: change(name) if isinstance(name, str) else name)


def neutralized(text: str) -> str:
    """Return a text that no spreadsheet program runs as a formula."""
    text = printable(text)
    return f"'{text}" if _FORMULA.match(text) else text


def _restored(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
