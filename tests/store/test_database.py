"""The store keeps every reply, and reports on one line why it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
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
    assert store.prune(before="2000-01-01") == 0
    assert [row[1] for row in store.rows()] == ["b", "b"]


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
