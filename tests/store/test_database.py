"""The store keeps every reply, gives it back exactly, and says clearly why it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flows import OTHER, PROBLEM, grown, solved
from scripted import ScriptedEngine

from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.stored import StoredEngine, decode_reply, encode_reply
from ttc.errors import RunError, UserError
from ttc.execution.runner import Runner, start_flows
from ttc.store.database import SqliteStore, Store
from ttc.strategies.beam import Beam
from ttc.types import FinishReason, Reply, Request, Sample, Score, Trace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        yield store


class Counting:
    """Scripts that count how often they are asked."""

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, request: Request, draw: Draw) -> Reply:
        self.asked += 1
        if len(request.trace.steps) == 2:
            return solved(request.trace, str(draw.index))
        return grown(request.trace, f"{'x' * (draw.index + 1)}\n")

    def judge(self, request: Request, draw: Draw) -> Reply:
        self.asked += 1
        return 1 / (1 + len(request.trace.text))


def beams(store: Store, scripts: Counting) -> tuple[object, object]:
    """What a beam search over two problems returns, and what it cost."""
    generator = StoredEngine(ScriptedEngine(scripts.generate, per_poll=3), store, "g")
    verifier = StoredEngine(ScriptedEngine(scripts.judge, per_poll=2), store, "v")
    runner = Runner(generator, verifier)
    outcomes = runner.run(start_flows([PROBLEM, OTHER], lambda problem: Beam(width=2).solve(problem, 4)))
    return {o.problem.id: (o.candidates, o.tokens) for o in outcomes}, runner.ledger


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (Sample(grown(Trace(PROBLEM), "é\n")), solved(grown(Trace(PROBLEM), "é\n"))),
        (Sample(Trace(PROBLEM)), Trace(PROBLEM, (), FinishReason.LENGTH)),
        (Score(solved(Trace(PROBLEM))), 0.1 + 0.2),
    ],
)
def test_a_reply_comes_back_exactly(request_: Request, reply: Reply) -> None:
    body = encode_reply(EngineReply(7, reply, Usage(3, 2, 1)), request_)
    assert decode_reply(8, request_, body) == EngineReply(8, reply, Usage(3, 2, 1), replayed=True)


def test_a_second_run_asks_no_engine_and_gets_the_same_outcomes_at_the_same_cost(store: Store) -> None:
    first, again = Counting(), Counting()
    assert beams(store, first) == beams(store, again)
    assert first.asked > 8 and again.asked == 0


def test_a_run_that_died_is_resumed_from_what_was_finished(store: Store) -> None:
    whole = Counting()
    with Store(store.path.with_name("other.sqlite")) as other:
        expected = beams(other, whole)

    class Dying(Counting):
        def generate(self, request: Request, draw: Draw) -> Reply:
            if self.asked >= 11:
                raise KeyboardInterrupt
            return super().generate(request, draw)

    dying = Dying()
    with pytest.raises(KeyboardInterrupt):
        beams(store, dying)
    resumed = Counting()
    assert beams(store, resumed) == expected
    in_flight = 3  # the engine's poll that was interrupted had answered at most so many
    assert whole.asked - dying.asked <= resumed.asked <= whole.asked - dying.asked + in_flight


def test_what_another_process_stored_first_is_taken(store: Store) -> None:
    with Store(store.path) as neighbour:
        engine = StoredEngine(ScriptedEngine(lambda request, draw: 0.25), store, "v")
        request = Score(solved(Trace(PROBLEM)))
        engine.submit(1, request, Draw())
        theirs = encode_reply(EngineReply(1, 0.75, Usage(5)), request)
        neighbour.keep([(engine.key(request, Draw()), "v", "score", theirs)])
        [finished] = engine.poll()
    assert finished.reply == 0.75 and finished.usage == Usage(5)


def test_draws_and_checkpoints_are_told_apart() -> None:
    engine = ScriptedEngine(lambda request, draw: 0.0)
    request = Sample(Trace(PROBLEM))
    keys = {engine.key(request, Draw(seed, index)) for seed in range(3) for index in range(3)}
    assert len(keys) == 9


def test_pruning_takes_an_engines_replies_or_old_ones(store: Store) -> None:
    store.keep([(bytes([n]), "ab"[n % 2], "score", "{}") for n in range(5)])
    assert store.summary() == [("a", "score", 3, 6), ("b", "score", 2, 4)]
    assert store.prune(engine="a") == 3
    assert store.prune(before="2000-01-01") == 0
    assert [row[1] for row in store.rows()] == ["b", "b"]


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        SqliteStore(str(path)).check()
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer than this ttc" in refused(store.path)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database at all, but long enough for a header" * 100)
    assert "is no store or is damaged" in refused(text)
    assert text.read_text().startswith("no database")
    with sqlite3.connect(tmp_path / "other") as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert "another program's" in refused(tmp_path / "other")


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep([(n.to_bytes(4, "big"), "e", "score", "x" * 500) for n in range(200)])
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(40960 - 8192)
    path.write_bytes(content)
    assert "damaged" in refused(path)


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "store=off" in refused(tmp_path / "file" / "store.sqlite")
    assert "choose another store.path" in refused(tmp_path)


def test_a_locked_store_stops_the_run_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path, lock_seconds=0.1) as store, sqlite3.connect(path, isolation_level=None) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="locked; what was stored before is safe"):
            store.keep([(b"k", "e", "score", "{}")])
        hog.execute("ROLLBACK")
        store.keep([(b"k", "e", "score", "{}")])


def test_a_full_disk_stops_the_run_and_keeps_what_was_stored(store: Store) -> None:
    store.keep([(b"first", "e", "score", "{}")])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RunError, match="Make room on the disk"):
        store.keep([(bytes([n]), "e", "score", "x" * 4000) for n in range(50)])
    assert [row[0] for row in store.rows()] == [b"first"]
