"""Files become rows, each with its place, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.data.bad_rows import BadRows
from ttc.data.csv_rows import read_csv_rows
from ttc.errors import UserError
from ttc.files import open_regular, read_json, read_jsonl, stat_regular

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]
"""Rows with their places ("math.jsonl:7")."""

_PARQUET_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class FileKind:
    """What a file of rows is, for error messages.

    Attributes:
        setting: that names it.
        example: of a row.
    """

    setting: str
    example: str

    @property
    def help(self) -> str:
        return f"{self.setting} is a .jsonl, .json, .csv or .parquet file"


PROBLEMS = FileKind("data.path", '{"problem": ..., "answer": ...}')


def read_file(path: Path, kind: FileKind = PROBLEMS, bad: BadRows | None = None) -> Rows:
    """Yield the rows of a file, whose suffix gives its format; `bad` takes lines that are none, None refuses them.

    Raises:
        UserError: the place and the nature of the first error.
    """
    try:
        stat_regular(path)
    except OSError as error:
        raise UserError(f"{kind.setting}={path}: {_reason(path, error)}; {kind.help}.") from None
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{kind.setting}={path}: {path.suffix or 'no suffix'} is not a supported format; {kind.help}.")
    try:
        yield from reader(path, kind, bad or BadRows())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the file.") from None


def _reason(path: Path, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return error.strerror or str(error)
    if path.is_symlink():
        return "a symbolic link to a file that is absent"
    return f"no such file{_did_you_mean(path)}"


def _did_you_mean(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" (nor a directory {path.parent})"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f" (did you mean {path.parent / close[0]}?)" if close else ""


def _jsonl_rows(path: Path, kind: FileKind, bad: BadRows) -> Rows:
    hint = f"a row is one object per line, e.g. {kind.example}."
    yield from _objects(read_jsonl(path, hint=hint, on_error=bad.add), kind, bad)


def _json_rows(path: Path, kind: FileKind, bad: BadRows) -> Rows:
    rows = read_json(path, hint="give a list of rows, or a .jsonl file with one object per line.")
    if not isinstance(rows, list):
        raise UserError(f"{path} is not a JSON list of rows; give a list, or a .jsonl file with one object per line.")
    yield from _objects(((f"{path} row {number}", row) for number, row in enumerate(rows, start=1)), kind, bad)


def _objects(rows: Iterable[tuple[str, object]], kind: FileKind, bad: BadRows) -> Rows:
    for place, row in rows:
        if isinstance(row, dict):
            yield place, row
        else:
            bad.add(UserError(f"{place} is not a JSON object; a row looks like {kind.example}."))


def _parquet_rows(path: Path, kind: FileKind, bad: BadRows) -> Rows:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with open_regular(path) as stream, pyarrow.parquet.ParquetFile(stream) as file:
            for batch in file.iter_batches(_PARQUET_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path} row {number}", row
    except (pyarrow.ArrowException, OverflowError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise UserError(f"{path} is not a Parquet file that can be read ({reason}); {kind.help}.") from None


def _csv_rows(path: Path, kind: FileKind, bad: BadRows) -> Rows:
    yield from read_csv_rows(path, bad)


READERS = {".jsonl": _jsonl_rows, ".json": _json_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
