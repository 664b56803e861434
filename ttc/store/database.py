"""The store: every reply that an engine has given, by content, so that none is computed twice and none is lost.

Beside the replies it holds results: what each run found out about each problem, to be read and exported. A run is never
resumed from results; it replays its replies.

One SQLite file in WAL mode. A reply is written before the runner sees it, so a run killed at any moment loses only what
the engines were still working on; the same command replays the rest and continues. Several processes may use one store
at once: the first to write a key wins, and the others take its reply.

Each reply has a checksum. One that does not fit it, because a disk or a copy changed it, is dropped and computed again.
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
from ttc.store.checksums import checksum, fits
from ttc.store.schema import immediate, set_up

LOCK_SECONDS = 30.0
_REMEDY = "choose another store.path, or store=off."

# Rows of an engine (?1) and from before a moment (?2), where those are given. Moments are compared, never their text.
_CHOSEN = "(?1 IS NULL OR engine = ?1) AND (?2 IS NULL OR CAST(strftime('%s', made) AS INTEGER) < ?2)"


class Store:
    """An open store. Use as a context manager, or call `close`.

    Attributes:
        damaged: how many replies were found damaged: by `get`, which drops them to be computed again, or by `rows`.

    Raises:
        UserError: on opening a file that is not a store, is damaged, comes from a newer version, or cannot be written.
        RunError: when a later read or write fails, e.g. because the disk is full.
    """

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.path = path
        self.damaged = 0
        with _opening(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=lock_seconds, isolation_level=None)
            self._connection.text_factory = lambda text: text.decode("utf-8", errors="replace")  # of damaged rows
            try:
                set_up(self._connection, path)
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
        """Return the body stored under `key`; a damaged one is dropped."""
        with self._working():
            row = self._connection.execute("SELECT body, checksum FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None or fits(key, *row):
            return row[0] if row else None
        self.drop_damaged(key)
        return None

    def drop_damaged(self, key: bytes) -> None:
        """Delete a reply that cannot be used, so that it is computed again."""
        self.damaged += 1
        with self._working():
            self._connection.execute("DELETE FROM replies WHERE key = ?", (key,))

    def keep(self, rows: Sequence[tuple[bytes, str, str, str]]) -> list[str]:
        """Write (key, engine, kind, body) rows in one transaction; return the body that the store holds for each.

        Where another process was first, that is its body.
        """
        with self.transaction():
            return [self._keep_one(*row) for row in rows]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction that is committed when the block succeeds, and undone when it fails."""
        with self._working(), immediate(self._connection):
            yield self._connection

    def _keep_one(self, key: bytes, engine: str, kind: str, body: str) -> str:
        held = self._connection.execute("SELECT body, checksum FROM replies WHERE key = ?", (key,)).fetchone()
        if held is not None and fits(key, *held):
            first: str = held[0]
            return first
        self._connection.execute(
            "INSERT OR REPLACE INTO replies (key, engine, kind, body, checksum) VALUES (?, ?, ?, ?, ?)",
            (key, engine, kind, body, checksum(key, body)),
        )
        return body

    def keep_results(self, run: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a run's results, one row per problem (with an `id`); a rerun replaces them."""
        settings = json.dumps(run, sort_keys=True, default=str)
        insert = "INSERT OR REPLACE INTO results (run, problem, body) VALUES (?, ?, ?)"
        with self.transaction():
            self._connection.executemany(insert, ((settings, row["id"], json.dumps(row)) for row in rows))

    def results(self) -> Iterator[tuple[str, str, str]]:
        """Yield (settings of the run as JSON, row of the problem as JSON, time of writing)."""
        with self._working():
            yield from self._connection.execute("SELECT run, body, made FROM results ORDER BY run, problem")

    def summary(self) -> list[tuple[str, str, int, int]]:
        """Return (engine, kind, number of replies, bytes of their bodies) for each engine and kind."""
        query = "SELECT engine, kind, COUNT(*), SUM(LENGTH(body)) FROM replies GROUP BY engine, kind ORDER BY 1, 2"
        with self._working():
            return [(engine, kind, count, size) for engine, kind, count, size in self._connection.execute(query)]

    def rows(self) -> Iterator[tuple[bytes, str, str, str, str]]:
        """Yield (key, engine, kind, body, time of writing) of every reply by key; damaged ones are only counted."""
        query = "SELECT key, engine, kind, body, made, checksum FROM replies ORDER BY key"
        with self._working():
            for key, engine, kind, body, made, stored in self._connection.execute(query):
                if fits(key, body, stored):
                    yield key, engine, kind, body, made
                else:
                    self.damaged += 1

    def ages(self, *, engine: str | None = None, before: float | None = None) -> list[tuple[str, str, int, str, str]]:
        """Return (engine, kind, count, oldest, newest) of the replies that `prune` would delete."""
        query = f"""SELECT engine, kind, COUNT(*), MIN(made), MAX(made) FROM replies WHERE {_CHOSEN}
            GROUP BY engine, kind ORDER BY 1, 2"""
        with self._working():
            return self._connection.execute(query, (engine, before)).fetchall()

    def prune(self, *, engine: str | None = None, before: float | None = None) -> int:
        """Delete the replies of an engine, or made before a moment (seconds since 1970), or both; return how many."""
        with self._working():
            deleted = self._connection.execute(f"DELETE FROM replies WHERE {_CHOSEN}", (engine, before)).rowcount
            self._connection.execute("VACUUM")
        return deleted

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise RunError(
                f"{self.path}: {error}; what was stored before is safe. {_remedy(error)} "
                "Then run the same command again: it continues where it stopped."
            ) from error


def _damaged(path: Path, reason: object) -> UserError:
    return UserError(
        f"store.path={path} is not a store, or is damaged ({reason}); move it away, or choose another store.path."
    )


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise UserError(f"store.path={path}: {error}. {_remedy(error)}") from None
        raise _damaged(path, error) from None
    except UnicodeDecodeError:  # sqlite3 cannot decode its own message about a damaged schema
        raise _damaged(path, "its schema is not text") from None
    except OSError as error:
        raise UserError(f"store.path={path}: {error.strerror}; {_REMEDY}") from None


def _remedy(error: Exception) -> str:
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
        if not self.path.strip():
            raise UserError("store.path is empty; give a file, e.g. store.path=outputs/store.sqlite, or use store=off.")
        if self._file.exists():
            if not self._file.is_file():
                raise UserError(f"store.path={self._file} is not a regular file; {_REMEDY}")
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
