"""The runs below some directories: finished ones, and those that are being written now, with their progress."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.files import open_regular
from ttc.report.blocks import all_rounded
from ttc.runs.directory import PROBLEMS, SUMMARY, RunDirectory
from ttc.runs.finding import Run
from ttc.terminal import printable_line

_DRAFT = re.compile(rf"\.{re.escape(PROBLEMS)}\.\d+\.rows")  # as ttc.execution.row_draft names it


@dataclass
class DraftProgress:
    """What a draft of rows holds so far; only what was added since the last look is read.

    A row that is not the program's own counts as a wrong one: it will be noticed when the run is finished.
    """

    path: Path
    problems: int = 0
    right: int = 0
    _offset: int = 0
    _inode: int = 0

    def update(self) -> None:
        """Read the rows that are complete.

        Raises:
            OSError: the draft is gone: the run has ended.
        """
        with open_regular(self.path) as stream:
            status = os.fstat(stream.fileno())
            if status.st_ino != self._inode or status.st_size < self._offset:
                self.problems = self.right = self._offset = 0
                self._inode = status.st_ino
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self.problems += 1
                self.right += _is_right(line)


def _is_right(line: bytes) -> bool:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and row.get("correct") is True


@dataclass
class RunList:
    """The runs at or below `paths`, which may grow; safe to use from several threads.

    Runs are named by a digest of their path, so that no path ever comes from outside.
    """

    paths: Sequence[Path]
    _directories: dict[str, Path] = field(default_factory=dict)
    _rows: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = field(default_factory=dict)
    _drafts: dict[Path, DraftProgress] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return finished runs, the newest first, and running ones, as plain data for the page."""
        with self._lock:
            finished: dict[str, dict[str, Any]] = {}  # by id: a directory may be below two of the paths
            running: dict[Path, dict[str, Any]] = {}
            for directory, drafts, has_summary in self._found():
                if has_summary and (row := self._finished(directory)):
                    finished[row["id"]] = row
                running |= {draft.resolve(): row for draft in drafts if (row := self._running(draft))}
        return {
            "finished": sorted(finished.values(), key=lambda row: (-row["time"], row["name"])),
            "running": sorted(running.values(), key=lambda row: row["name"]),
        }

    def directory(self, id_: str) -> Path | None:
        """Return the directory of a finished run that has been listed."""
        if id_ not in self._directories:
            self.rows()  # a bookmark, opened before the list
        return self._directories.get(id_)

    def _found(self) -> Iterator[tuple[Path, list[Path], bool]]:
        """Yield each directory that holds a run, with its drafts, and whether it has a summary."""
        for path in self.paths:
            for place, folders, files in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                drafts = [Path(place, name) for name in files if _DRAFT.fullmatch(name)]
                if drafts or SUMMARY in files:
                    yield Path(place), drafts, SUMMARY in files

    def _finished(self, directory: Path) -> dict[str, Any] | None:
        try:
            status = (directory / SUMMARY).stat()
        except OSError:  # removed a moment ago
            return None
        known, version = self._rows.get(directory), (status.st_mtime_ns, status.st_ino)
        if known is not None and known[0] == version:
            return known[1]
        id_ = hashlib.blake2b(os.fsencode(directory.resolve()), digest_size=8).hexdigest()
        row = {"id": id_, "name": self._name(directory), "time": status.st_mtime} | _summary(directory)
        self._directories[id_] = directory
        self._rows[directory] = (version, row)
        return row

    def _running(self, draft: Path) -> dict[str, Any] | None:
        progress = self._drafts.setdefault(draft, DraftProgress(draft))
        try:
            progress.update()
            changed = draft.stat().st_mtime
        except OSError:
            del self._drafts[draft]
            return None
        return {
            "name": self._name(draft.parent),
            "overrides": _overrides(draft.parent),
            "problems": progress.problems,
            "right": progress.right,
            "time": changed,
        }

    def _name(self, directory: Path) -> str:
        """Return the path as the list shows it: within the directory that was given, if it was the only one."""
        root = self.paths[0] if len(self.paths) == 1 else None
        inside = root is not None and directory != root and directory.is_relative_to(root)
        return printable_line(directory.relative_to(root) if root is not None and inside else directory, 300)


def _summary(directory: Path) -> dict[str, Any]:
    """Return what the list says of a finished run, or what is wrong with it."""
    try:
        run = Run.load(directory)
        run.require_complete()
    except UserError as error:
        return {"error": printable_line(error)}
    summary = run.summary
    interval = summary.get("ci95")
    bounds = [summary.get("accuracy"), *(interval if isinstance(interval, list) else [])]
    known = len(bounds) == 3 and all(type(bound) in (int, float) for bound in bounds)
    return {
        **{name: printable_line(summary.get(name, ""), 80) for name in ("strategy", "data", "selection", "generator")},
        "budget": summary["budget"],
        "seed": summary["seed"],
        "problems": summary.get("n_problems") if isinstance(summary.get("n_problems"), int) else None,
        "accuracy": all_rounded(bounds) if known else None,
        "overrides": _shown(run.overrides, leave_out=("strategy", "budget", "seed")),
    }


def _overrides(directory: Path) -> str:
    """Return the command line of a run that has only begun, as Hydra recorded it."""
    try:
        return _shown(RunDirectory(directory).overrides({}))
    except UserError:
        return ""


def _shown(overrides: Mapping[str, str], leave_out: Sequence[str] = ()) -> str:
    parts = [
        f"{name}={value}"
        for name, value in overrides.items()
        if name not in leave_out and not name.startswith(("hydra.", "store", "workers"))
    ]
    return printable_line(" ".join(parts), 200)
