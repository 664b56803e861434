"""The store keeps every reply, and reports on one line why it cannot be used."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ttc.errors import RunError, UserError
from ttc.store.database import SqliteStore, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        yield store


def test_the_first_body_stored_under_a_key_is_kept(store: Store) -> None:
    assert store.get(b"k") is None
    assert store.keep([(b"k", "e", "score", "first")]) == ["first"]
    assert store.keep([(b"k", "e", "score", "second"), (b"l", "e", "score", "third")]) == ["first", "third"]
    assert store.get(b"k") == "first"


def test_a_store_keeps_its_replies_when_it_is_opened_again(tmp_path: Path) -> None:
    config = SqliteStore(str(tmp_path / "deep" / "store.sqlite"))
    config.check()
    assert not (tmp_path / "deep").exists()  # checking creates nothing
    with config.open() as store:
        store.keep([(b"k", "e", "score", "{}")])
    config.check()
    with config.open() as store:
        assert store.get(b"k") == "{}"


def test_replies_are_deleted_by_engine_or_by_age(store: Store) -> None:
    store.keep([(bytes([n]), "ab"[n % 2], "score", "{}") for n in range(5)])
    assert store.summary() == [("a", "score", 3, 6), ("b", "score", 2, 4)]
    assert store.prune(engine="a") == 3
    assert store.prune(before=datetime(2000, 1, 1, tzinfo=UTC).timestamp()) == 0
    assert [row[1] for row in store.rows()] == ["b", "b"]


# --- damaged replies


def change(store: Store, key: bytes, body: str) -> None:
    """Change a stored body behind the store's back, as a failing disk does."""
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE replies SET body = CAST(? AS TEXT) WHERE key = ?", (body.encode("latin-1"), key))


@pytest.mark.parametrize("body", ['{"value": 0.7}', '{"value', "", "\xff\xfe", "\0"])
def test_a_reply_whose_body_changed_is_dropped_and_can_be_stored_again(store: Store, body: str) -> None:
    store.keep([(b"k", "e", "score", '{"value": 0.5}'), (b"l", "e", "score", "{}")])
    change(store, b"k", body)
    assert [row[0] for row in store.rows()] == [b"l"] and store.damaged == 1
    assert store.get(b"k") is None and store.damaged == 2
    assert store.keep([(b"k", "e", "score", "again")]) == ["again"]
    assert store.get(b"k") == "again" and store.get(b"l") == "{}"


def test_a_body_that_changed_after_it_was_looked_up_is_replaced(store: Store) -> None:
    store.keep([(b"k", "e", "score", "whole")])
    change(store, b"k", "broken")
    assert store.keep([(b"k", "e", "score", "new")]) == ["new"]
    assert store.get(b"k") == "new" and store.damaged == 0


def test_a_reply_stored_under_the_key_of_another_is_damaged(store: Store) -> None:
    store.keep([(b"k", "e", "score", "{}")])
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE replies SET key = ?", (b"other",))
    assert store.get(b"other") is None and store.damaged == 1


SCHEMA_1 = """
CREATE TABLE replies (key BLOB PRIMARY KEY, engine TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))) WITHOUT ROWID;
CREATE TABLE results (run TEXT NOT NULL, problem TEXT NOT NULL, body TEXT NOT NULL,
    made TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), PRIMARY KEY (run, problem)) WITHOUT ROWID;
PRAGMA application_id = 0x74746373;
PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_schema_is_brought_up_to_date_and_keeps_its_replies(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    insert = "INSERT INTO replies (key, engine, kind, body) VALUES (?, 'e', 'score', ?)"
    with sqlite3.connect(path, isolation_level=None) as older:
        older.executescript(SCHEMA_1)
        older.execute(insert, (b"old", "{}"))
        with Store(path) as store, Store(path) as second:
            older.execute(insert, (b"later", "[]"))  # an older ttc that is still running
            store.keep([(b"new", "e", "score", "{}"), (b"old", "e", "score", "other")])
            assert [second.get(key) for key in (b"old", b"later", b"new")] == ["{}", "[]", "{}"]
            assert second.damaged == 0
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (2,)


# --- stores that cannot be used


def refusal(path: Path) -> str:
    """Return the message with which the check refuses the store."""
    with pytest.raises(UserError) as error:
        SqliteStore(str(path)).check()
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer than this ttc" in refusal(store.path)


def test_a_file_that_is_not_a_store_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    text = tmp_path / "text"
    content = "not a database, but long enough for a header" * 100
    text.write_text(content)
    assert "is not a store, or is damaged" in refusal(text)
    assert text.read_text() == content
    with sqlite3.connect(tmp_path / "other") as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "another program's" in refusal(tmp_path / "other")


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep([(n.to_bytes(4, "big"), "e", "score", "x" * 500) for n in range(200)])
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(40960 - 8192)
    path.write_bytes(content)
    assert "damaged" in refusal(path)


def test_a_path_that_cannot_hold_a_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "store=off" in refusal(tmp_path / "file" / "store.sqlite")
    assert "choose another store.path" in refusal(tmp_path)


# --- stores that fail during a run


def test_a_locked_store_stops_the_run_with_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path, lock_seconds=0.1) as store, sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="locked; what was stored before is safe") as error:
            store.keep([(b"k", "e", "score", "{}")])
        assert "\n" not in str(error.value)
        other.execute("ROLLBACK")
        store.keep([(b"k", "e", "score", "{}")])


def test_a_full_disk_stops_the_run_and_keeps_the_replies_stored_before(store: Store) -> None:
    store.keep([(b"first", "e", "score", "{}")])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RunError, match="Make room on the disk"):
        store.keep([(bytes([n]), "e", "score", "x" * 4000) for n in range(50)])
    assert [row[0] for row in store.rows()] == [b"first"]


def test_a_store_overwritten_anywhere_is_read_or_refused_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep([(bytes([n] * 16), "engine", "score", '{"value": 0.5}') for n in range(200)])
    whole = path.read_bytes()
    for seed in range(150):
        rng = random.Random(seed)
        start = rng.randrange(len(whole)) if seed % 2 else rng.randrange(3500, 4096)  # the schema ends the first page
        damaged = whole[:start] + rng.randbytes(rng.randrange(1, 300)) + whole[start:]
        path.write_bytes(damaged[: len(whole)])
        with contextlib.suppress(UserError, RunError), Store(path) as store:
            assert len(list(store.rows())) <= 200 and len(store.summary()) <= 200 and not list(store.results())
