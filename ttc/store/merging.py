"""`ttc store merge`: the stores of several machines become one, which loses and doubles nothing.

Each batch of rows is one transaction of the store that is written, so a merge that is killed has merged some batches,
and the same command does the rest. The sources are only read.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ttc.errors import UserError
from ttc.progress_bar import ProgressBar
from ttc.store.checksums import fits
from ttc.store.database import Store
from ttc.store.source import Source, StoredReply, StoredResult
from ttc.terminal import printable_line

ROWS_AT_ONCE = 1000

T = TypeVar("T")


@dataclass
class Merged:
    """What a merge did.

    Attributes:
        sources: how many stores were read.
        new: replies that were added.
        known: replies that were there already; those that differ included.
        differing: replies unlike the one that is kept under the same key.
        example: the engine and the source of one of these.
        damaged: replies of the sources that were left out, since their checksum does not fit.
        results: rows of finished runs that were added, or replaced older ones.
    """

    sources: int = 0
    new: int = 0
    known: int = 0
    differing: int = 0
    example: str = ""
    damaged: int = 0
    results: int = 0

    def __str__(self) -> str:
        stores = "1 store" if self.sources == 1 else f"{self.sources:,} stores"
        lines = [f"{stores} merged: {self.new:,} replies added, {self.known:,} known; {self.results:,} results added"]
        if self.differing:
            lines.append(
                f"warning: {self.differing:,} of the known replies differ from the one that was kept, the first, e.g. "
                f"{self.example}: other hardware or software made them"
            )
        if self.damaged:
            lines.append(f"{self.damaged:,} damaged {'reply' if self.damaged == 1 else 'replies'} left out")
        return "\n".join(lines)


def merge_stores(paths: Sequence[Path], into: Path) -> Merged:
    """Add every reply and result of some stores to another one, which is created where there is none.

    Where a key has two replies, the one of `into` stays, or that of the first source which has one. Of two results of
    a problem in the same run, the newer one stays.

    Raises:
        UserError: a file is no store, damaged, locked, of a newer ttc, given twice, or is `into` itself. Nothing is
            written unless a source turns out to be damaged on the way.
        RunError: the disk is full.
    """
    _refuse_twice(paths, into)
    merged = Merged(len(paths))
    with ExitStack() as stack:
        sources = [stack.enter_context(Source(path, str(path))) for path in paths]
        if os.path.exists(into):  # False, too, for a name that is too long
            Source(into, f"--into {into}").close()
        target = stack.enter_context(Store(into))
        total = sum(source.replies_count + source.results_count for source in sources)
        with ProgressBar("merging", total) as bar:
            done = 0
            for source in sources:
                for size in _merge_one(source, target, merged):
                    done += size
                    if bar.is_due:
                        bar.show(done, source.path.name)
    return merged


def _refuse_twice(paths: Sequence[Path], into: Path) -> None:
    for number, path in enumerate(paths):
        if _is_same(path, into):
            raise UserError(f"{path} is --into itself; give the other stores, which are added to it.")
        if any(_is_same(path, earlier) for earlier in paths[:number]):
            raise UserError(f"{path} is given twice; give each store once.")


def _is_same(path: Path, other: Path) -> bool:
    """Whether two paths are one file, whatever links lead to it."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # one of them is absent, or cannot be
        return False


def _merge_one(source: Source, target: Store, merged: Merged) -> Iterator[int]:
    """Merge a store batch by batch; yield the size of each."""
    for replies in _batches(source.replies()):
        with target.transaction() as connection:
            for reply in replies:
                _add_reply(connection, reply, source.path, merged)
        yield len(replies)
    for results in _batches(source.results()):
        with target.transaction() as connection:
            merged.results += sum(_add_result(connection, result) for result in results)
        yield len(results)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := [*islice(remaining, ROWS_AT_ONCE)]:
        yield batch


def _add_reply(connection: sqlite3.Connection, reply: StoredReply, source: Path, merged: Merged) -> None:
    if not fits(reply.key, reply.body, reply.checksum):
        merged.damaged += 1
        return
    held = connection.execute("SELECT body, checksum FROM replies WHERE key = ?", (reply.key,)).fetchone()
    if held is None or not fits(reply.key, *held):
        connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?)", reply)
        merged.new += 1
        return
    merged.known += 1
    if not _is_same_reply(held[0], reply):
        merged.differing += 1
        merged.example = merged.example or printable_line(f"one of {reply.engine} in {source}", 200)


def _is_same_reply(held: str, reply: StoredReply) -> bool:
    """Whether two bodies reply the same: how much of a prompt was cached, and facts of loading, may differ."""
    if held == reply.body or reply.kind == "load":
        return True
    try:
        first, second = json.loads(held), json.loads(reply.body)
        return bool(first | {"usage": None} == second | {"usage": None})
    except (ValueError, TypeError, RecursionError):
        return False


def _add_result(connection: sqlite3.Connection, result: StoredResult) -> bool:
    """Add a result, unless one that is as new is there; return whether it was added."""
    key = (result.run, result.problem)
    held = connection.execute("SELECT made FROM results WHERE run = ? AND problem = ?", key).fetchone()
    if held is not None and held[0] >= result.made:
        return False
    connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", result)
    return True
