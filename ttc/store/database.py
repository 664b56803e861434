"""The store: every reply that an engine has given, by content, so that none is computed twice and none is lost.

Beside the replies it holds results: what each run found out about each problem, to be read and exported. A run is never
resumed from results; it replays its replies.

One SQLite file in WAL mode. A reply is written before the runner sees it, so a run killed at any moment loses only what
the engines were still working on; the same command replays the rest and continues. Several processes may use one store
at once: the first to write a key wins, and the others take its reply.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ttc.errors import RunError, UserError

APPLICATION_ID = 0x74746373  # "ttcs"
SCHEMA = 1
LOCK_SECONDS = 30.0
_REMEDY = "choose another store.path, or store=off."
QUICK_CHECK_BELOW_BYTES = 256 * 2**20  # checking takes about a second per gigabyte

_TABLES = """
CREATE TABLE replies (
    key BLOB PRIMARY KEY,       -- digest of checkpoint, sampling parameters, token ids and draw
    engine TEXT NOT NULL,       -- the checkpoint as the config names it
    kind TEXT NOT NULL,         -- sample or score
    body TEXT NOT NULL,         -- JSON, see ttc.engines.stored
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) WITHOUT ROWID;
CREATE TABLE results (
    run TEXT NOT NULL,          -- the run's settings as JSON, sorted by name
    problem TEXT NOT NULL,      -- its id
    body TEXT NOT NULL,         -- a row of problems.jsonl as JSON, without the texts
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    PRIMARY KEY (run, problem)
) WITHOUT ROWID;
"""


class Store:
    """An open store. Use as a context manager, or call `close`.

    Raises:
        UserError: on opening a file that is not a store, is damaged, comes from a newer version, or cannot be written.
        RunError: when a later read or write fails, e.g. because the disk is full.
    """

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.path = path
        with _opening(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=lock_seconds, isolation_level=None)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with suppress(sqlite3.Error):  # everything was committed already
            self._connection.close()

    def get(self, key: bytes) -> str | None:
        """Return the body stored under `key`."""
        with self._working():
            row = self._connection.execute("SELECT body FROM replies WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def keep(self, rows: Sequence[tuple[bytes, str, str, str]]) -> list[str]:
        """Write (key, engine, kind, body) rows in one transaction; return the body that the store holds for each.

        Where another process was first, that is its body.
        """
        with self._transaction():
            return [self._keep_one(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._working():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _keep_one(self, row: tuple[bytes, str, str, str]) -> str:
        insert = "INSERT INTO replies (key, engine, kind, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        if self._connection.execute(insert, row).rowcount:
            return row[3]
        held: str = self._connection.execute("SELECT body FROM replies WHERE key = ?", row[:1]).fetchone()[0]
        return held

    def keep_results(self, run: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a run's results, one row per problem (with an `id`); a rerun replaces them."""
        settings = json.dumps(run, sort_keys=True, default=str)
        insert = "INSERT OR REPLACE INTO results (run, problem, body) VALUES (?, ?, ?)"
        with self._transaction():
            self._connection.executemany(insert, ((settings, row["id"], json.dumps(row)) for row in rows))

    def results(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
        """Yield (settings of the run, row of the problem, time of writing)."""
        with self._working():
            for run, body, made in self._connection.execute(
                "SELECT run, body, made FROM results ORDER BY run, problem"
            ):
                yield json.loads(run), json.loads(body), made

    def summary(self) -> list[tuple[str, str, int, int]]:
        """Return (engine, kind, number of replies, bytes of their bodies) for each engine and kind."""
        query = "SELECT engine, kind, COUNT(*), SUM(LENGTH(body)) FROM replies GROUP BY engine, kind ORDER BY 1, 2"
        with self._working():
            return [(engine, kind, count, size) for engine, kind, count, size in self._connection.execute(query)]

    def rows(self) -> Iterator[tuple[bytes, str, str, str, str]]:
        """Yield (key, engine, kind, body, time of writing) of every reply."""
        with self._working():
            yield from self._connection.execute("SELECT key, engine, kind, body, made FROM replies ORDER BY key")

    def prune(self, *, engine: str | None = None, before: str | None = None) -> int:
        """Delete the replies of an engine, or written before a moment (ISO 8601), or both; return how many."""
        with self._working():
            deleted = self._connection.execute(
                "DELETE FROM replies WHERE (?1 IS NULL OR engine = ?1) AND (?2 IS NULL OR made < ?2)", (engine, before)
            ).rowcount
            self._connection.execute("VACUUM")
        return deleted

    def _set_up(self) -> None:
        if self._pragma("application_id") == 0 and self._pragma("user_version") == 0:
            self._create()
        if self._pragma("application_id") != APPLICATION_ID:
            raise UserError(f"store.path={self.path} is another program's database; choose another store.path.")
        version = self._pragma("user_version")
        if version > SCHEMA:
            raise UserError(
                f"store.path={self.path} has schema {version}, newer than this ttc's {SCHEMA}; "
                "update ttc, or choose another store.path."
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # a killed process loses nothing, a power cut the last moments
        if self.path.stat().st_size < QUICK_CHECK_BELOW_BYTES:
            [verdict] = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(" ".join(verdict.split()))

    def _create(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")  # of two processes that start at once, one creates the tables
        try:
            if self._pragma("application_id") == 0:
                if self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() != (0,):
                    raise UserError(f"store.path={self.path} is another program's database; choose another store.path.")
                for table in _TABLES.split(";")[:-1]:
                    self._connection.execute(table)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def _pragma(self, name: str) -> int:
        value: int = self._connection.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunError(
                f"{self.path}: {error}; what was stored before is safe. {_remedy(error)} "
                "Then run the same command again: it continues where it stopped."
            ) from error


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise UserError(f"store.path={path}: {error}. {_remedy(error)}") from None
        raise UserError(
            f"store.path={path} is not a store, or is damaged ({error}); move it away, or choose another store.path."
        ) from None
    except OSError as error:
        raise UserError(f"store.path={path}: {error.strerror}; {_REMEDY}") from None


def _remedy(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"Another process has held it for {LOCK_SECONDS:.0f} s; wait for that one, or choose another store.path."
    if "full" in text:
        return "Make room on the disk."
    if "readonly" in text or "unable to open" in text:
        return "Make the file and its directory writable, choose another store.path, or use store=off."
    return _REMEDY.capitalize()


@dataclass
class SqliteStore:
    """Where a run stores its replies. Relative paths are relative to the working directory."""

    path: str = "outputs/store.sqlite"

    def check(self) -> None:
        """Find out before any weights load whether the store can be used, without creating anything.

        Raises:
            UserError: it cannot.
        """
        if self._file.exists():
            self.open().close()
            return
        parent = next(directory for directory in self._file.absolute().parents if directory.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise UserError(f"store.path={self._file}: {parent} is not a writable directory; {_REMEDY}")

    def open(self) -> Store:
        """Open the store, creating it where there is none."""
        return Store(self._file)

    @property
    def _file(self) -> Path:
        return Path(self.path).expanduser()
