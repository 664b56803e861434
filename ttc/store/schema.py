"""The tables of the store, their version, and how an older one becomes the current one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttc.errors import UserError

APPLICATION_ID = 0x74746373  # "ttcs"
SCHEMA = 2  # 1 had no checksums
QUICK_CHECK_BELOW_BYTES = 256 * 2**20  # checking takes about a second per gigabyte

_TABLES = """
CREATE TABLE replies (
    key BLOB PRIMARY KEY,       -- digest of checkpoint, sampling parameters, token ids and draw
    engine TEXT NOT NULL,       -- the checkpoint as the config names it
    kind TEXT NOT NULL,         -- sample or score
    body TEXT NOT NULL,         -- JSON, see ttc.engines.stored
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    checksum BLOB               -- of key and body, NULL where an older version wrote the reply
) WITHOUT ROWID;
CREATE TABLE results (
    run TEXT NOT NULL,          -- the run's settings as JSON, sorted by name
    problem TEXT NOT NULL,      -- its id
    body TEXT NOT NULL,         -- a row of problems.jsonl as JSON, without the texts
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    PRIMARY KEY (run, problem)
) WITHOUT ROWID;
"""


def set_up(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables where there are none, bring older ones up to date, and look for damage.

    Raises:
        UserError: another program's database, or a newer version's.
        sqlite3.Error: it is damaged, or cannot be written.
    """
    if pragma(connection, "application_id") == 0 and pragma(connection, "user_version") == 0:
        _create(connection, path)
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UserError(f"store.path={path} is another program's database; choose another store.path.")
    version = pragma(connection, "user_version")
    if version > SCHEMA:
        raise UserError(
            f"store.path={path} has schema {version}, newer than this ttc's {SCHEMA}; "
            "update ttc, or choose another store.path."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing, a power cut the last moments
    if path.stat().st_size < QUICK_CHECK_BELOW_BYTES:
        [verdict] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(" ".join(verdict.split()))
    if version < SCHEMA:
        _migrate(connection)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    with immediate(connection):  # of two processes that start at once, one creates the tables
        if pragma(connection, "application_id") == 0:
            if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() != (0,):
                raise UserError(f"store.path={path} is another program's database; choose another store.path.")
            for table in _TABLES.split(";")[:-1]:
                connection.execute(table)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _migrate(connection: sqlite3.Connection) -> None:
    """Add the column for checksums; an older ttc that has the store open goes on writing rows without."""
    with immediate(connection):
        if pragma(connection, "user_version") < SCHEMA:  # of two processes, one migrates
            connection.execute("ALTER TABLE replies ADD COLUMN checksum BLOB")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in a transaction that has the right to write from its beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that SQLite keeps of a database."""
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
