"""Files and hub data sets become rows, each with the place it stands at, for error messages."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ttc.errors import UserError

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]  # where the row stands ("math.jsonl:7"), and its fields

PATH_HELP = "data.path is a .jsonl, .json, .csv or .parquet file"


def read_file(path: Path) -> Rows:
    """Yield the rows of a file, told apart by its suffix; UserError says where and what the first mistake is."""
    reader = READERS.get(path.suffix.lower())
    if not path.is_file():
        kind = "a directory, not a file" if path.is_dir() else "no such file"
        raise UserError(f"data.path={path}: {kind}{_did_you_mean(path)}; {PATH_HELP}.")
    if reader is None:
        raise UserError(f"data.path={path}: {path.suffix or 'no suffix'} is not a format read here; {PATH_HELP}.")
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
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                where = f"{path}:{number}"
                yield where, _object(where, _json(where, line))


def _json_rows(path: Path) -> Rows:
    rows = _json(str(path), path.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list):
        raise UserError(f"{path} is not a JSON list of rows; give a list, or a .jsonl file with one object a line.")
    for number, row in enumerate(rows, start=1):
        where = f"{path} row {number}"
        yield where, _object(where, row)


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where} is not JSON ({error.msg} at column {error.colno}); mend it.") from None


def _object(where: str, row: Any) -> Row:
    if not isinstance(row, dict):
        raise UserError(f'{where} is not a JSON object; a row is written {{"problem": ..., "answer": ...}}.')
    return row


def _csv_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                # An empty cell is no value: a CSV file cannot tell the two apart.
                yield f"{path}:{reader.line_num}", {key: value or None for key, value in row.items() if key}
        except csv.Error as error:
            raise UserError(f"{path}:{reader.line_num} is not CSV ({error}); mend it.") from None


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
    """Yield the rows of a data set on the Hugging Face hub; UserError when it cannot be loaded."""
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
