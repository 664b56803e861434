"""One process at a time writes a run directory, and the drafts that killed ones left there are removed."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ttc.errors import UserError

_DRAFT = re.compile(r"\..+\.(\d+)(?:-\d+)?\.(?:draft|rows)")  # .summary.json.4711-2.draft
_held: set[Path] = set()


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Keep other processes from writing the directory, which is created, as long as the block lasts.

    Drafts of processes that are gone are removed first. The lock ends with its process, however that ends; on a file
    system without locks there is none.

    Raises:
        UserError: another process is writing the directory.
        OSError: it cannot be created or read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, directory)
        remove_stale_drafts(directory)
        _held.add(directory)
        yield
    finally:
        with suppress(OSError):
            remove_own_drafts()  # of a writer that was interrupted while it cleaned up
        _held.discard(directory)
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise UserError(
                f"{directory} is being written by another process; wait for it, or choose another directory."
            ) from None


def remove_stale_drafts(directory: Path) -> None:
    """Remove the drafts of processes that are gone, and of an earlier process with this one's number."""
    for draft, pid in _drafts(directory):
        if pid == os.getpid() or not _is_running(pid):
            draft.unlink(missing_ok=True)


def remove_own_drafts() -> None:
    """Remove this process's drafts from the directories that it holds: it is about to end at once."""
    for directory in [*_held]:
        for draft, pid in _drafts(directory):
            if pid == os.getpid():
                draft.unlink(missing_ok=True)


def _drafts(directory: Path) -> list[tuple[Path, int]]:
    """Return the drafts in a directory, each with the number of the process that began it."""
    with os.scandir(directory) as entries:
        found = [(Path(entry), _DRAFT.fullmatch(entry.name)) for entry in entries if entry.is_file()]
    return [(path, int(match[1])) for path, match in found if match]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
