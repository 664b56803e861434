"""Files are written atomically, and only where a regular file or nothing is: never over a device or a pipe."""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ttc.errors import RunError, UserError
from ttc.files.regular import stat_regular

DECIMALS = 6  # of floats in the JSON and CSV files that people read

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_drafts = itertools.count()


def check_output(path: Path, option: str) -> None:
    """Refuse early what cannot be written later: only new files and regular ones are, never a device or a pipe.

    Raises:
        UserError: with `option`, e.g. "--out"; empty for an argument.
    """
    try:
        directory = _target(path).parent
        if not directory.is_dir():
            raise OSError(errno.ENOTDIR, f"{directory} is not a directory")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, f"{directory} is not writable")
    except OSError as error:
        raise _unwritable(path, option, error) from None


@contextmanager
def written_for(path: Path, option: str) -> Iterator[None]:
    """Turn an OSError of the block, which writes the file of `option`, into one line.

    Raises:
        UserError: the path is at fault.
        RunError: the disk is full or broken.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            named = f"{option} {path}".lstrip()
            raise RunError(f"{named} cannot be written ({error.strerror}); make room, and try again.") from None
        raise _unwritable(path, option, error) from None


def _unwritable(path: Path, option: str, error: OSError) -> UserError:
    named = f"{option} {path}".lstrip()
    return UserError(f"{named} cannot be written ({error.strerror or error}); choose another file.")


def _target(path: Path) -> Path:
    """Return the file that a write to `path` replaces: behind symbolic links, which stay.

    Raises:
        OSError: it is there and no regular file, or is what this process itself prints to.
    """
    try:
        found = stat_regular(path)
    except FileNotFoundError:
        return Path(os.path.realpath(path))  # new, or the missing end of a link
    if any(os.path.samestat(found, own) for own in _standard_streams()):
        raise OSError(errno.EINVAL, "this command's own output or input")
    return Path(os.path.realpath(path))


def _standard_streams() -> Iterator[os.stat_result]:
    for descriptor in range(3):
        try:
            yield os.fstat(descriptor)
        except OSError:  # closed
            continue


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path` that replaces it when the block succeeds, and is removed when it fails.

    A reader, or a process killed half-way, never sees half a file. A symbolic link stays, and its target is replaced.

    Raises:
        OSError: `path` is a device, a pipe or a directory; or whatever the disk says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = _target(path)
    # The same directory: renames are atomic within a disk.
    draft = target.with_name(f".{target.name}.{os.getpid()}-{next(_drafts)}.draft")
    try:
        yield draft
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(draft, target)
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


def jsonl_row(row: Mapping[str, Any]) -> str:
    """Format one row of a JSONL file: sorted keys, floats in their shortest exact form, NaN as null.

    Exact, because selections recomputed from the file must agree with the run's own.
    """
    try:
        return json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN or an infinity somewhere, which JSON does not have
        finite = json.loads(json.dumps(row), parse_constant=lambda _: None)
        return json.dumps(finite, sort_keys=True, ensure_ascii=False)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write indented JSON atomically: sorted keys, floats rounded to six decimals, NaN and infinities as null."""
    write_text(path, json.dumps(_rounded(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False))


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    return value
