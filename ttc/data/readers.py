"""Files and hub datasets become rows, each with its place, for error messages."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import read_jsonl

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]
"""Rows with their places ("math.jsonl:7")."""

PATH_HELP = "data.path is a .jsonl, .json, .csv or .parquet file"
EXAMPLE = '{"problem": ..., "answer": ...}'


def read_file(path: Path) -> Rows:
    """Yield the rows of a file, whose suffix gives its format.

    Raises:
        UserError: the place and the nature of the first error.
    """
    reader = READERS.get(path.suffix.lower())
    if not path.is_file():
        kind = "a directory, not a file" if path.is_dir() else "no such file"
        raise UserError(f"data.path={path}: {kind}{_did_you_mean(path)}; {PATH_HELP}.")
    if reader is None:
        raise UserError(f"data.path={path}: {path.suffix or 'no suffix'} is not a supported format; {PATH_HELP}.")
    try:
        yield from reader(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check the file.") from None


def _did_you_mean(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f" (nor a directory {path.parent})"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f" (did you mean {path.parent / close[0]}?)" if close else ""


def _jsonl_rows(path: Path) -> Rows:
    for place, row in read_jsonl(path, hint=f"a row is one object per line, e.g. {EXAMPLE}."):
        yield place, _object(place, row)


def _json_rows(path: Path) -> Rows:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno} is not JSON ({error.msg} at column {error.colno}); fix it.") from None
    if not isinstance(rows, list):
        raise UserError(f"{path} is not a JSON list of rows; give a list, or a .jsonl file with one object per line.")
    for number, row in enumerate(rows, start=1):
        place = f"{path} row {number}"
        yield place, _object(place, row)


def _object(place: str, row: object) -> Row:
    if not isinstance(row, dict):
        raise UserError(f"{place} is not a JSON object; a row looks like {EXAMPLE}.")
    return row


def _csv_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                # An empty cell counts as no value: a CSV file cannot distinguish the two.
                yield f"{path}:{reader.line_num}", {key: value or None for key, value in row.items() if key}
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num} is not CSV ({error}); fix it.") from None


def _parquet_rows(path: Path) -> Rows:
    import pyarrow
    import pyarrow.parquet

    try:
        rows: Iterable[Row] = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowException as error:
        raise UserError(f"{path} is not a Parquet file ({str(error).splitlines()[0]}); {PATH_HELP}.") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path} row {number}", row


READERS = {".jsonl": _jsonl_rows, ".json": _json_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}


def read_hub(hub: str, config: str | None, split: str) -> Rows:
    """Yield the rows of a dataset on the Hugging Face hub.

    Raises:
        UserError: it cannot be loaded.
    """
    from datasets import load_dataset

    try:
        rows = load_dataset(hub, config, split=split)
    except Exception as error:  # the hub's client raises whatever its transports raise; each means "not loaded"
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"data.hub={hub} (split {split}) cannot be loaded: {reason}; check the name and the network, or set "
            f"data.path=FILE ({PATH_HELP})."
        ) from None
    for number, row in enumerate(rows, start=1):
        yield f"{hub} row {number}", row
