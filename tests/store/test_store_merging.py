"""`ttc store merge`: every reply of every source is in the result once, and the sources stay as they are."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ttc.cli import app
from ttc.store import merging
from ttc.store.database import Store
from ttc.store.merging import merge_stores

Rows = Sequence[tuple[bytes, str, str, str]]


def reply(value: float, cached: int = 0) -> str:
    return json.dumps({"value": value, "usage": [5, cached, 1]})


def rows(numbers: range, engine: str = "small") -> Rows:
    return [(number.to_bytes(16), engine, "score", reply(number)) for number in numbers]


def write(path: Path, kept: Rows) -> Path:
    with Store(path) as store:
        store.keep(kept)
    return path


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def contents(path: Path) -> dict[bytes, str]:
    with Store(path) as store:
        return {key: body for key, _, _, body, _ in store.rows()}


def ttc(*arguments: str | Path) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["store", "merge", *map(str, arguments)])
    return found.exit_code, found.output


def test_every_reply_of_every_store_is_in_the_merged_one_once(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.sqlite", rows(range(3000))), write(tmp_path / "b.sqlite", rows(range(2500, 6000)))
    code, output = ttc(a, b, "--into", tmp_path / "c.sqlite")
    assert (code, output.splitlines()[-1]) == (
        0,
        f"{tmp_path}/c.sqlite: 2 stores merged: 6,000 replies added, 500 known; 0 results added",
    )
    assert contents(tmp_path / "c.sqlite") == contents(a) | contents(b)
    assert ttc(a, "--into", tmp_path / "c.sqlite")[1].endswith("0 replies added, 3,000 known; 0 results added\n")


def test_a_merged_reply_keeps_its_engine_kind_moment_and_checksum(tmp_path: Path) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(3), "judge"))
    execute(a, "UPDATE replies SET made = '2026-01-01T00:00:00Z'")
    merge_stores([a], tmp_path / "c.sqlite")
    query = "SELECT * FROM replies ORDER BY key"
    stored = [sqlite3.connect(path).execute(query).fetchall() for path in (a, tmp_path / "c.sqlite")]
    assert len(stored[0]) == 3 and stored[0] == stored[1]


def test_sources_are_not_changed_by_a_byte_and_get_no_files_beside_them(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a" / "s.sqlite", rows(range(9))), write(tmp_path / "b" / "s.sqlite", rows(range(5, 12)))
    execute(b, "ALTER TABLE replies DROP COLUMN checksum")
    execute(b, "PRAGMA user_version = 1")
    before = [path.read_bytes() for path in (a, b)]
    assert ttc(a, b, "--into", tmp_path / "c.sqlite")[0] == 0
    assert [path.read_bytes() for path in (a, b)] == before
    assert [*a.parent.iterdir(), *b.parent.iterdir()] == [a, b]
    assert len(contents(tmp_path / "c.sqlite")) == 12  # those of the older version, too, which has no checksums


def test_the_replies_that_a_killed_run_left_in_the_log_beside_its_store_are_merged(tmp_path: Path) -> None:
    a = tmp_path / "a.sqlite"
    child = os.fork()
    if child == 0:
        Store(a).keep(rows(range(7)))
        os._exit(0)  # without closing: the replies are in a.sqlite-wal alone
    os.waitpid(child, 0)
    log = tmp_path / "a.sqlite-wal"
    before = (a.read_bytes(), log.read_bytes())
    assert len(before[1]) > 0
    merge_stores([a], tmp_path / "c.sqlite")
    assert len(contents(tmp_path / "c.sqlite")) == 7
    assert (a.read_bytes(), log.read_bytes()) == before


def test_a_store_that_a_run_writes_meanwhile_is_merged_as_it_was_at_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(5)))
    monkeypatch.setattr(merging, "ROWS_AT_ONCE", 2)
    with Store(a) as running:
        add = merging._add_reply

        def add_while_running(*arguments: object) -> None:
            running.keep(rows(range(1000, 1010)))
            add(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(merging, "_add_reply", add_while_running)
        assert merge_stores([a], tmp_path / "c.sqlite").new == 5
        assert len(list(running.rows())) == 15
    assert contents(tmp_path / "c.sqlite") == {key: body for key, _, _, body in rows(range(5))}


def test_a_run_may_write_the_target_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(6)))
    monkeypatch.setattr(merging, "ROWS_AT_ONCE", 2)
    batches = merging._batches

    def batches_while_running(found: object) -> object:
        for batch in batches(found):  # type: ignore[var-annotated,arg-type]
            running.keep(rows(range(100, 105)))
            yield batch

    with Store(tmp_path / "c.sqlite") as running:
        monkeypatch.setattr(merging, "_batches", batches_while_running)
        merge_stores([a], tmp_path / "c.sqlite")
    assert len(contents(tmp_path / "c.sqlite")) == 11


def test_of_different_replies_under_one_key_the_first_stays_and_their_number_is_reported(tmp_path: Path) -> None:
    key = b"k" * 16
    into = write(tmp_path / "c.sqlite", [(key, "small", "score", reply(0.1))])
    a = write(tmp_path / "a.sqlite", [(key, "small", "score", reply(0.2)), (b"l" * 16, "small", "score", reply(0.3))])
    b = write(tmp_path / "b.sqlite", [(b"l" * 16, "small", "score", reply(0.4))])
    code, output = ttc(a, b, "--into", into)
    assert code == 0 and "1 replies added, 2 known" in output
    assert "warning: 2 of the known replies differ from the one that was kept, the first" in output
    assert f"e.g. one of small in {a}" in output
    assert contents(into) == {key: reply(0.1), b"l" * 16: reply(0.3)}


def test_replies_that_differ_only_in_what_was_cached_are_the_same(tmp_path: Path) -> None:
    a = write(tmp_path / "a.sqlite", [(b"k" * 16, "small", "score", reply(0.1, cached=0))])
    b = write(tmp_path / "b.sqlite", [(b"k" * 16, "small", "score", reply(0.1, cached=4))])
    merged = merge_stores([a, b], tmp_path / "c.sqlite")
    assert (merged.new, merged.known, merged.differing) == (1, 1, 0)


def test_a_damaged_reply_is_left_out_and_one_in_the_target_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(3)))
    execute(a, f"UPDATE replies SET body = '{{' WHERE key = x'{(1).to_bytes(16).hex()}'")
    into = write(tmp_path / "c.sqlite", rows(range(1)))
    execute(into, "UPDATE replies SET body = '{'")
    code, output = ttc(a, "--into", into)
    assert code == 0 and "2 replies added, 0 known" in output and "1 damaged reply left out" in output
    assert sorted(contents(into)) == [n.to_bytes(16) for n in (0, 2)]


def test_the_results_of_runs_are_merged_and_the_newer_of_two_stays(tmp_path: Path) -> None:
    a, b = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    for path, moment, accuracy in ((a, "2026-01-02", 1), (b, "2026-01-01", 2)):
        with Store(path) as store:
            store.keep_results({"seed": 0}, [{"id": "p", "of": accuracy}, {"id": path.stem, "of": accuracy}])
        execute(path, f"UPDATE results SET made = '{moment}T00:00:00Z'")
    for number, order in enumerate(([a, b], [b, a])):
        merge_stores(order, tmp_path / f"c{number}.sqlite")
        with Store(tmp_path / f"c{number}.sqlite") as store:
            found = {row["id"]: row["of"] for row in (json.loads(body) for _, body, _ in store.results())}
        assert found == {"p": 1, "a": 1, "b": 2}


def test_a_merge_that_is_killed_is_completed_by_the_same_command(tmp_path: Path) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(20_000)))
    into = tmp_path / "c.sqlite"
    code = "from ttc.store import merging; from pathlib import Path; import time\n"
    code += "add = merging._add_reply\n"
    code += "def slow(*arguments):\n    time.sleep(0.0005)\n    add(*arguments)\n"
    code += f"merging._add_reply = slow; merging.merge_stores([Path({str(a)!r})], Path({str(into)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not into.exists() or not _count(into):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(contents(into)) < 20_000
    assert ttc(a, "--into", into)[0] == 0
    assert contents(into) == contents(a)


def _count(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0])
    except sqlite3.OperationalError:  # no tables yet
        return 0
    finally:
        connection.close()


def test_a_batch_that_fails_leaves_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(tmp_path / "a.sqlite", rows(range(5)))
    monkeypatch.setattr(merging, "ROWS_AT_ONCE", 2)
    add = merging._add_reply

    def fail_at_the_fourth(connection: sqlite3.Connection, stored: object, *others: object) -> None:
        if stored[0] == (3).to_bytes(16):  # type: ignore[index]
            raise sqlite3.OperationalError("database or disk is full")
        add(connection, stored, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(merging, "_add_reply", fail_at_the_fourth)
    code, output = ttc(a, "--into", tmp_path / "c.sqlite")
    assert code == 1 and output.count("\n") == 1 and "Make room on the disk." in output
    assert sorted(contents(tmp_path / "c.sqlite")) == [n.to_bytes(16) for n in (0, 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.sqlite"], "absent.sqlite: no such store; leave it out, or give another file."),
        (["text.sqlite"], "text.sqlite is not a store, or is damaged (file is not a database)"),
        (["empty.sqlite"], "empty.sqlite is not a store of ttc"),
        (["other.sqlite"], "other.sqlite is not a store of ttc"),
        (["newer.sqlite"], "newer.sqlite has schema 99, newer than this ttc's 2; update ttc."),
        (["locked.sqlite"], "locked.sqlite is locked by another process; wait for that one."),
        (["directory"], "directory is not a store (a directory, not a regular file)"),
        (["x" * 300], "is not a store (File name too long)"),
        (["good.sqlite", "good.sqlite"], "good.sqlite is given twice; give each store once."),
        (["good.sqlite", "link.sqlite"], "link.sqlite is given twice"),
        (["good.sqlite", "--into", "link.sqlite"], "good.sqlite is --into itself; give the other stores"),
        (["good.sqlite", "--into", "other.sqlite"], "--into other.sqlite is not a store of ttc"),
        (["good.sqlite", "--into", "newer.sqlite"], "--into newer.sqlite has schema 99"),
        (["good.sqlite", "--into", "text.sqlite/c.sqlite"], "text.sqlite"),
    ],
)
def test_what_cannot_be_merged_is_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ttc.store.source.WAIT_SECONDS", 0.1)
    for name in ("good", "newer", "locked"):
        write(Path(f"{name}.sqlite"), rows(range(3)))
    execute(Path("newer.sqlite"), "PRAGMA user_version = 99")
    execute(Path("other.sqlite"), "CREATE TABLE mine (a)")
    Path("text.sqlite").write_text("no database" * 100)
    Path("empty.sqlite").touch()
    Path("directory").mkdir()
    os.link("good.sqlite", "link.sqlite")
    holder = sqlite3.connect("locked.sqlite", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    before = {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.iterdir()}
    code, output = ttc(*([] if "--into" in arguments else ["--into", "c.sqlite"]), *arguments)
    assert (code, output.count("\n")) == (2, 1) and output.startswith("error: ") and message in output
    assert {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.iterdir()} == before
    holder.close()


def test_into_is_needed(tmp_path: Path) -> None:
    code, output = ttc(write(tmp_path / "a.sqlite", rows(range(1))))
    assert code == 2 and "--into" in output


def test_a_store_in_a_directory_that_nobody_may_write_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write(tmp_path / "a" / "s.sqlite", rows(range(4)))
    monkeypatch.setattr("ttc.store.source.os.access", lambda *_: False)  # the tests may run as root
    assert merge_stores([a], tmp_path / "c.sqlite").new == 4
    assert [*a.parent.iterdir()] == [a]
