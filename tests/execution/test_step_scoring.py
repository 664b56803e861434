"""Labelled solutions are scored prefix by prefix, many at once, through the store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from flows import finish, start
from scripted import ScriptedEngine

from ttc.data.step_labels import StepLabels
from ttc.engines.base import Draw, EngineReply
from ttc.engines.stored import StoredEngine
from ttc.errors import RunError
from ttc.execution.step_scoring import (
    NoGenerator,
    choose,
    measured_steps,
    problem_of,
    score_prefixes,
    score_solutions,
)
from ttc.store.database import Store
from ttc.types import Request, Sample, Score, Trace


def solution(id_: str, labels: tuple[bool | None, ...]) -> StepLabels:
    return StepLabels(id_, f"{id_}?", tuple(f"{id_}{n}\n\n" for n in range(len(labels))), labels)


WRONG = solution("w", (True, False, None))
PARTLY = solution("p", (None, True, None, False))
RIGHT = solution("r", (True, True))


def by_length(request: Request, draw: Draw) -> float:
    return len(request.trace.steps) / 10


def test_a_flow_asks_for_all_prefixes_at_once_and_returns_the_whole_solution() -> None:
    flow = score_prefixes(WRONG)
    requests = start(flow)
    assert all(isinstance(request, Score) for request in requests)
    assert [request.trace.text for request in requests] == ["w0\n\n", "w0\n\nw1\n\n", "w0\n\nw1\n\nw2\n\n"]
    assert {request.trace.problem.question for request in requests} == {"w?"}
    [candidate] = finish(flow, [0.9, 0.2, 0.1])
    assert candidate.trace.is_finished and candidate.trace.text == "w0\n\nw1\n\nw2\n\n"
    assert candidate.values == (0.9, 0.2, 0.1)


def test_rated_steps_are_measured_and_all_steps_where_the_first_error_is_known() -> None:
    assert measured_steps(WRONG) == [0, 1, 2] and measured_steps(RIGHT) == [0, 1] and measured_steps(PARTLY) == [1, 3]


def test_values_are_at_their_steps_and_solutions_are_scored_at_once() -> None:
    engine = ScriptedEngine(by_length)
    found = {one.solution.id: one.values for one in score_solutions(engine, [WRONG, PARTLY, RIGHT])}
    assert found == {"w": (0.1, 0.2, 0.3), "p": (None, 0.2, None, 0.4), "r": (0.1, 0.2)}
    assert engine.most_queued == 7


class ShortSighted(ScriptedEngine):
    """Reads at most two steps."""

    def poll(self) -> list[EngineReply]:
        longer = {ticket for ticket, request, _ in self._queue if len(request.trace.steps) > 2}
        return [EngineReply(r.ticket, r.reply, r.usage, partial=r.ticket in longer) for r in super().poll()]


def test_scores_of_a_beginning_are_counted_per_solution() -> None:
    found = score_solutions(ShortSighted(by_length), [WRONG, PARTLY, RIGHT])
    assert {one.solution.id: one.partial_scores for one in found} == {"w": 1, "p": 1, "r": 0}


def test_a_command_that_was_killed_continues_where_it_was(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    def dies_after_three(request: Request, draw: Draw) -> float:
        asked[request.trace.text] += 1
        if sum(asked.values()) == 4:
            raise KeyboardInterrupt
        return by_length(request, draw)

    with Store(tmp_path / "store.sqlite") as store:
        with pytest.raises(KeyboardInterrupt):
            list(score_solutions(StoredEngine(ScriptedEngine(dies_after_three), store, "prm"), [WRONG, RIGHT]))
        found = list(score_solutions(StoredEngine(ScriptedEngine(dies_after_three), store, "prm"), [WRONG, RIGHT]))
    assert {one.solution.id: one.values for one in found} == {"w": (0.1, 0.2, 0.3), "r": (0.1, 0.2)}
    assert max(asked.values()) == 2 and sum(asked.values()) == 6  # only the one at which it died was asked for again


def test_a_value_outside_0_and_1_is_an_error_with_the_step() -> None:
    with pytest.raises(
        RunError, match=r"solution r: the value of step 1 is 2; a verifier's values are between 0 and 1"
    ):
        list(score_solutions(ScriptedEngine(lambda request, draw: float(len(request.trace.steps))), [RIGHT]))


def test_a_limit_keeps_the_share_of_wrong_solutions_and_the_order() -> None:
    solutions = [solution(f"s{n}", (n % 4 == 0 or None, False) if n % 4 else (True, True)) for n in range(40)]
    chosen = choose(solutions, 8, seed=0)
    assert len(chosen) == 8 and sum(one.first_error is None for one in chosen) == 2
    assert [solutions.index(one) for one in chosen] == sorted(solutions.index(one) for one in chosen)
    assert set(chosen) <= set(choose(solutions, 20, seed=0)) and chosen != choose(solutions, 8, seed=1)
    assert choose(solutions, None, seed=0) == choose(solutions, 100, seed=0) == solutions


def test_nothing_can_be_sampled() -> None:
    none = NoGenerator()
    assert none.poll() == [] and not none.is_busy
    request = Sample(Trace(problem_of(RIGHT)))
    for ask in (lambda: none.key(request, Draw()), lambda: none.submit(1, request, Draw())):
        with pytest.raises(RunError, match="no generator was started"):
            ask()
