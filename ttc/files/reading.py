"""JSON and lines of regular files, with a limit on size and depth, and the place of every error."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files.regular import open_regular

MAX_ROW_BYTES = 16 * 2**20
MAX_JSON_BYTES = 256 * 2**20  # of a file that is one JSON value, which is read whole
MAX_JSON_DEPTH = 100
_TOO_DEEP = f"nested more than {MAX_JSON_DEPTH} levels deep"


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) for each line of a regular file, with its line end.

    Raises:
        UserError: a line is larger than the limit.
        OSError: the file cannot be read.
    """
    with open_regular(path) as stream:
        for number in itertools.count(1):
            line = stream.readline(MAX_ROW_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_ROW_BYTES:
                raise UserError(
                    f"{path}:{number} is a line of more than {MAX_ROW_BYTES >> 20} MB, the limit; "
                    "give one row per line, and shorten or remove this one."
                )
            yield number, line


def read_jsonl(
    path: Path,
    *,
    hint: str = "",
    skip_unfinished_line: bool = False,
    on_error: Callable[[UserError], None] | None = None,
) -> Iterator[tuple[str, Any]]:
    """Yield (place, value) for each line that is not blank; a place reads "rows.jsonl:7".

    Only "\\n" ends a line: a JSON string may contain U+2028 and the like. `hint` is the end of every error message and
    describes the expected file. `skip_unfinished_line` ignores a last line without "\\n", which a killed writer left.
    `on_error` takes what is wrong with a line, which is skipped if that returns; without it, the error is raised.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or a line is not JSON or too large.
    """
    hint = hint or "give a file with one JSON value per line."
    try:
        for number, line in read_lines(path):
            if not line.strip() or (skip_unfinished_line and not line.endswith(b"\n")):
                continue
            try:
                value = parse_json(line.rstrip(b"\r\n"), f"{path}:{number}", hint)
            except UserError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            yield f"{path}:{number}", value
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {hint}") from None


def read_json(path: Path, *, hint: str) -> Any:
    """Read a file that is one JSON value.

    Raises:
        UserError: the file cannot be read, is too large, not UTF-8, or not JSON.
    """
    try:
        with open_regular(path) as stream:
            text = stream.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {hint}") from None
    if len(text) > MAX_JSON_BYTES:
        raise UserError(
            f"{path} has more than {MAX_JSON_BYTES >> 20} MB, the limit of a JSON file; "
            "give a .jsonl file, which is read row by row."
        )
    return parse_json(text, str(path), hint)


def parse_json(encoded: bytes, place: str, hint: str) -> Any:
    """Parse UTF-8 JSON with or without a byte order mark.

    Raises:
        UserError: it is neither, or is nested too deeply.
    """
    try:
        value = json.loads(encoded.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{place} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"{place}:{error.lineno}" if error.lineno > 1 else place
        raise UserError(f"{place} is not JSON ({error.msg} at column {error.colno}); {hint}") from None
    except ValueError:
        raise UserError(f"{place} is not JSON (a number of thousands of digits); {hint}") from None
    except RecursionError:
        raise UserError(f"{place} is not JSON ({_TOO_DEEP}); {hint}") from None
    if encoded.count(b"[") + encoded.count(b"{") > MAX_JSON_DEPTH and _is_deeper(value, MAX_JSON_DEPTH):
        raise UserError(f"{place} is not JSON ({_TOO_DEEP}); {hint}")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    nodes = [value]
    for _ in range(levels + 1):
        nodes = [item for node in nodes if isinstance(node, dict | list) for item in _items(node)]
        if not nodes:
            return False
    return True


def _items(node: dict[str, object] | list[object]) -> Iterable[object]:
    return node.values() if isinstance(node, dict) else node
