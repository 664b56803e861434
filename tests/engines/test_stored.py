"""Stored replies are replayed exactly; new ones are persisted before they are returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flows import OTHER, PROBLEM, grown, solved
from scripted import ScriptedEngine

from ttc.cost import Ledger, Tokens
from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.stored import StoredEngine, decode_reply, encode_reply
from ttc.execution.runner import Runner, start_flows
from ttc.store.database import Store
from ttc.strategies.beam import Beam
from ttc.types import Candidate, FinishReason, Reply, Request, Sample, Score, Trace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as store:
        yield store


class CountingScripts:
    """Scripts of a generator and a verifier that count their calls."""

    def __init__(self) -> None:
        self.calls = 0

    def generate(self, request: Request, draw: Draw) -> Reply:
        self.calls += 1
        if len(request.trace.steps) == 2:
            return solved(request.trace, str(draw.index))
        return grown(request.trace, f"{'x' * (draw.index + 1)}\n")

    def score(self, request: Request, draw: Draw) -> Reply:
        self.calls += 1
        return 1 / (1 + len(request.trace.text))


Outcomes = dict[str, tuple[list[Candidate], Tokens]]


def search(store: Store, scripts: CountingScripts) -> tuple[Outcomes, Ledger]:
    """Run a beam search over two problems; return its outcomes by problem, and its cost."""
    generator = StoredEngine(ScriptedEngine(scripts.generate, per_poll=3), store, "g")
    verifier = StoredEngine(ScriptedEngine(scripts.score, per_poll=2), store, "v")
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
def test_a_reply_survives_encoding_exactly(request_: Request, reply: Reply) -> None:
    body = encode_reply(EngineReply(7, reply, Usage(3, 2, 1)), request_)
    assert decode_reply(8, request_, body) == EngineReply(8, reply, Usage(3, 2, 1), replayed=True)


def test_a_second_run_calls_no_engine_and_has_the_same_outcomes_at_the_same_cost(store: Store) -> None:
    first, second = CountingScripts(), CountingScripts()
    assert search(store, first) == search(store, second)
    assert first.calls > 8 and second.calls == 0


def test_a_killed_run_resumes_from_its_store(store: Store) -> None:
    complete = CountingScripts()
    with Store(store.path.with_name("other.sqlite")) as other:
        expected = search(other, complete)

    class KilledScripts(CountingScripts):
        def generate(self, request: Request, draw: Draw) -> Reply:
            if self.calls >= 11:
                raise KeyboardInterrupt
            return super().generate(request, draw)

    killed = KilledScripts()
    with pytest.raises(KeyboardInterrupt):
        search(store, killed)
    resumed = CountingScripts()
    assert search(store, resumed) == expected
    in_flight = 3  # the interrupted poll had produced at most this many replies
    assert complete.calls - killed.calls <= resumed.calls <= complete.calls - killed.calls + in_flight


def test_a_reply_that_another_process_stored_first_is_used(store: Store) -> None:
    with Store(store.path) as other_process:
        engine = StoredEngine(ScriptedEngine(lambda request, draw: 0.25), store, "v")
        request = Score(solved(Trace(PROBLEM)))
        engine.submit(1, request, Draw())
        body = encode_reply(EngineReply(1, 0.75, Usage(5)), request)
        other_process.keep([(engine.key(request, Draw()), "v", "score", body)])
        [found] = engine.poll()
    assert found.reply == 0.75 and found.usage == Usage(5)


def test_a_reply_is_stored_before_it_is_returned_and_replayed_afterwards(store: Store) -> None:
    engine = StoredEngine(ScriptedEngine(lambda request, draw: 0.25), store, "v")
    request = Score(solved(Trace(PROBLEM)))
    engine.submit(1, request, Draw())
    [new] = engine.poll()
    assert [(row[0], row[1], row[2]) for row in store.rows()] == [(engine.key(request, Draw()), "v", "score")]
    engine.submit(2, request, Draw())
    assert engine.is_busy
    [replayed] = engine.poll()
    assert not engine.is_busy
    assert (new.ticket, new.reply, new.replayed) == (1, 0.25, False)
    assert (replayed.ticket, replayed.reply, replayed.replayed) == (2, 0.25, True)


def test_every_draw_and_every_request_has_its_own_key(store: Store) -> None:
    engine = StoredEngine(ScriptedEngine(lambda request, draw: 0.0), store, "g")
    requests = [Sample(Trace(PROBLEM)), Sample(Trace(OTHER)), Sample(Trace(PROBLEM), max_steps=1)]
    keys = {engine.key(request, Draw(seed, index)) for request in requests for seed in range(3) for index in range(3)}
    assert len(keys) == 27


@pytest.mark.parametrize("kind", ["sample", "score"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"value": 0.5}',
        '{"value": "0.5", "usage": [1, 0, 0]}',
        '{"value": 0.5, "usage": [1, 0]}',
        '{"value": 0.5, "usage": null}',
        '{"finish": "stop", "steps": [["a", [1]]]}',
        '{"finish": "end", "steps": [["a", [1]]], "usage": [1, 0, 0]}',
        '{"finish": "stop", "steps": [["a", "1"]], "usage": [1, 0, 0]}',
        '{"finish": "stop", "steps": [[1, [1]]], "usage": [1, 0, 0]}',
        '{"finish": "stop", "steps": {"a": 1}, "usage": [1, 0, 0]}',
        '{"finish": "stop", "steps": [["a", [1',
    ],
)
def test_a_reply_that_cannot_be_read_is_computed_again_and_counted(store: Store, kind: str, body: str) -> None:
    request: Request = Sample(Trace(PROBLEM)) if kind == "sample" else Score(solved(Trace(PROBLEM)))
    reply: Reply = solved(Trace(PROBLEM)) if kind == "sample" else 0.25
    engine = StoredEngine(ScriptedEngine(lambda request, draw: reply), store, "e")
    store.keep([(engine.key(request, Draw()), "e", kind, body)])
    engine.submit(1, request, Draw())
    [computed] = engine.poll()
    assert (computed.reply, computed.replayed, store.damaged) == (reply, False, 1)
    engine.submit(2, request, Draw())
    [replayed] = engine.poll()
    assert (replayed.reply, replayed.replayed, store.damaged) == (reply, True, 1)


def test_what_fell_short_is_stored_with_the_reply_and_only_then() -> None:
    score, sample = Score(solved(Trace(PROBLEM))), Sample(Trace(PROBLEM, attempts=(solved(Trace(PROBLEM)),)))
    partial = EngineReply(1, 0.5, Usage(1), partial=True)
    blind = EngineReply(1, solved(sample.trace), Usage(1), hidden_attempts=1)
    for request, reply in ((score, partial), (sample, blind)):
        assert decode_reply(1, request, encode_reply(reply, request)) == replace(reply, replayed=True)
    assert encode_reply(EngineReply(1, 0.5, Usage(1)), score) == '{"value": 0.5, "usage": [1, 0, 0]}'
    assert "hidden" not in encode_reply(EngineReply(1, solved(sample.trace), Usage(1)), sample)
