"""A store that is only read: whatever its version, whoever writes it meanwhile, and without changing a byte of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from ttc.errors import UserError
from ttc.files import stat_regular
from ttc.store.schema import APPLICATION_ID, QUICK_CHECK_BELOW_BYTES, SCHEMA, pragma

WAIT_SECONDS = 30.0
_REMEDY = "leave it out, or give another file."


class StoredReply(NamedTuple):
    """A row of the replies. `checksum` is None where an older version wrote it."""

    key: bytes
    engine: str
    kind: str
    body: str
    made: str
    checksum: bytes | None


class StoredResult(NamedTuple):
    """A row of the results: the run's settings and the problem's row as JSON."""

    run: str
    problem: str
    body: str
    made: str


class Source:
    """An existing store, open for reading; a context manager.

    What it yields is the state of one moment: a run may go on writing the store.

    Raises:
        UserError: on opening or reading a file that is not a store, is damaged, is locked, or comes from a newer ttc.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Open the file; `name` is what messages call it, e.g. "--into a.sqlite"."""
        self.path, self._name = path, name
        self._leaves_nothing = not _has_log(path)
        with self._reading():
            stat_regular(path)
            self._connection = sqlite3.connect(_uri(path), timeout=WAIT_SECONDS, isolation_level=None, uri=True)
            self._connection.text_factory = lambda text: text.decode("utf-8", errors="replace")  # of damaged rows
            try:
                self._has_checksums = self._version() > 1
                self._connection.execute("BEGIN")  # from the first read on, one state of the store
                self.replies_count, self.results_count = map(self._count, ("replies", "results"))
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store, and remove the empty files that reading it has made beside it."""
        self._connection.close()
        if self._leaves_nothing and _has_log(self.path):
            with suppress(sqlite3.Error):  # the last to close a store that it may write removes them
                writable = sqlite3.connect(self.path, timeout=0)
                with suppress(sqlite3.Error):
                    writable.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
                writable.close()

    def replies(self) -> Iterator[StoredReply]:
        """Yield every reply by key, damaged ones too."""
        checksum = "checksum" if self._has_checksums else "NULL"
        with self._reading():
            query = f"SELECT key, engine, kind, body, made, {checksum} FROM replies ORDER BY key"
            yield from map(StoredReply._make, self._connection.execute(query))

    def results(self) -> Iterator[StoredResult]:
        """Yield every result by run and problem."""
        with self._reading():
            query = "SELECT run, problem, body, made FROM results ORDER BY run, problem"
            yield from map(StoredResult._make, self._connection.execute(query))

    def _version(self) -> int:
        if pragma(self._connection, "application_id") != APPLICATION_ID:
            raise UserError(f"{self._name} is not a store of ttc; {_REMEDY}")
        version = pragma(self._connection, "user_version")
        if version > SCHEMA:
            raise UserError(f"{self._name} has schema {version}, newer than this ttc's {SCHEMA}; update ttc.")
        if self.path.stat().st_size < QUICK_CHECK_BELOW_BYTES:
            [verdict] = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(" ".join(verdict.split()))
        return version

    def _count(self, table: str) -> int:
        count: int = self._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        return count

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            if "locked" in text or "busy" in text:
                raise UserError(f"{self._name} is locked by another process; wait for that one.") from None
            if "unable to open" in text or "permission" in text:
                raise UserError(f"{self._name} cannot be opened ({text}); make it readable, or {_REMEDY}") from None
            raise UserError(f"{self._name} is not a store, or is damaged ({text}); {_REMEDY}") from None
        except UnicodeDecodeError:  # sqlite3 cannot decode its own message about a damaged schema
            raise UserError(f"{self._name} is damaged (its schema is not text); {_REMEDY}") from None
        except FileNotFoundError:
            raise UserError(f"{self._name}: no such store; {_REMEDY}") from None
        except OSError as error:
            raise UserError(f"{self._name} is not a store ({error.strerror or error}); {_REMEDY}") from None


def _has_log(path: Path) -> bool:
    """Whether a process has the store open, or was killed while it had."""
    return os.path.exists(f"{path}-wal")


def _uri(path: Path) -> str:
    """Return SQLite's address of a store that is only read.

    Reading a store makes files beside it. Where none can be, nobody can be writing it either.
    """
    untouched = not os.access(path.absolute().parent, os.W_OK) and not _has_log(path)
    return f"{path.absolute().as_uri()}?{'immutable=1' if untouched else 'mode=ro'}"
