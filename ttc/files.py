"""The one JSONL reader and the one atomic writer of the package."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 6  # of floats in the JSON and CSV files that people read


def read_jsonl(path: Path, *, hint: str = "", skip_unfinished_line: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield (place, value) for each line that is not blank; a place reads "rows.jsonl:7".

    Only "\\n" ends a line: a JSON string may contain U+2028 and the like. `hint` is the end of every error message and
    describes the expected file. `skip_unfinished_line` ignores a last line without "\\n", which a killed writer left.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or a line is not JSON.
    """
    hint = hint or "give a file with one JSON value per line."
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip() or (skip_unfinished_line and not line.endswith(b"\n")):
                    continue
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                yield f"{path}:{number}", _parsed(f"{path}:{number}", text, hint)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{number} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {hint}") from None


def _parsed(place: str, line: str, hint: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{place} is not JSON ({error.msg} at column {error.colno}); {hint}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise UserError(f"{place} is not JSON ({error}); {hint}") from None


def jsonl_row(row: Mapping[str, Any]) -> str:
    """Format one row of a JSONL file: sorted keys, floats in their shortest exact form, NaN as null.

    Exact, because selections recomputed from the file must agree with the run's own.
    """
    try:
        return json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN or an infinity somewhere, which JSON does not have
        finite = json.loads(json.dumps(row), parse_constant=lambda _: None)
        return json.dumps(finite, sort_keys=True, ensure_ascii=False)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path` that replaces it when the block succeeds, and is removed when it fails.

    A reader, or a process killed half-way, never sees half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")  # the same directory: renames are atomic within a disk
    try:
        yield draft
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines atomically without holding them all in memory.

    Lone surrogates, which UTF-8 refuses, are written as the \\udXXX escapes that JSON has for them.
    """
    with (
        atomic_path(path) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream,
    ):
        stream.writelines(f"{line}\n" for line in lines)


def write_text(path: Path, text: str) -> None:
    """Write a text atomically; it ends with one newline."""
    write_lines(path, [text.removesuffix("\n")])


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write indented JSON atomically: sorted keys, floats rounded to six decimals, NaN and infinities as null."""
    write_text(path, json.dumps(_rounded(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV atomically, floats with six decimals."""
    write_text(path, table.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n"))


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    return value
