"""CSV files become rows; whatever could shift an answer into another column is an error."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ttc.data.bad_rows import BadRows
from ttc.errors import UserError
from ttc.files import MAX_ROW_BYTES, read_lines

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
NO_VALUE = {"", "NaN", "nan", "None", "NULL", "null"}  # what other programs write into a cell without a value


def read_csv_rows(path: Path, bad: BadRows | None = None) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield (place, row) for each row below the header; a place is the line on which the row begins.

    The delimiter is the one of comma, semicolon and tab that gives the header the most columns. A cell without a value
    is None. Columns without a name are left out. `bad` takes rows with a wrong number of fields; None refuses them.

    Raises:
        UserError: a row has more or fewer fields than the header, a quote is never closed, or the file is not UTF-8.
        OSError: the file cannot be read.
    """
    csv.field_size_limit(MAX_ROW_BYTES)  # of the whole process; the default is 128 KiB
    delimiter = _delimiter(path)
    names: list[str] = []
    for number, fields in _records(path, delimiter):
        if not names:
            names = _names(path, fields)
            continue
        if len(fields) != len(names):
            error = UserError(
                f"{path}:{number} has {_count(fields)}, the header has {len(names)}; "
                f"put a field that contains {DELIMITERS[delimiter]} into double quotes."
            )
            (bad or BadRows()).add(error)
            continue
        yield f"{path}:{number}", {name: _value(cell) for name, cell in zip(names, fields, strict=True) if name}


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which it begins, fields) of each record that is not blank."""
    reader = csv.reader(_texts(path), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{path}:{number} is not CSV ({_explained(error)}).") from None
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield number, fields


def _explained(error: csv.Error) -> str:
    if "unexpected end" in str(error) or "field limit" in str(error):
        return "a double quote is opened and never closed; close it, or double a quote that belongs to the text"
    if "new-line" in str(error):
        return "a line ends in a lone carriage return; save it with line feeds"
    return f"{error}; put the field into double quotes, and double the quotes inside it"


def _texts(path: Path) -> Iterator[str]:
    for number, line in read_lines(path):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}:{number} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
        if "\0" in text:
            raise UserError(f"{path}:{number} contains NUL characters; save it as UTF-8 text.")
        yield text


def _delimiter(path: Path) -> str:
    header = next((line for line in _texts(path) if line.strip()), "")
    try:
        return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    except csv.Error:  # reported with its line when the rows are read
        return ","


def _names(path: Path, header: Sequence[str]) -> list[str]:
    names = [name.strip() for name in header]
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise UserError(f"{path}:1: the header has two columns named {twice[0]!r}; rename or remove one.")
    return names


def _count(fields: Sequence[str]) -> str:
    return f"{len(fields)} field{'' if len(fields) == 1 else 's'}"


def _value(cell: str) -> str | None:
    return None if cell.strip() in NO_VALUE else cell
