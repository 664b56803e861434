"""What people see while problems are solved: where the work is, how fast it goes, and how long it takes."""

from __future__ import annotations

import pytest
from flows import PROBLEM, solved

from ttc.cost import Tokens
from ttc.execution import progress as module
from ttc.execution.progress import RunProgress, SolvingProgress
from ttc.execution.runner import Outcome
from ttc.selection import Aggregation, SelectionRule
from ttc.types import Candidate, Trace


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def outcome(decoded: int) -> Outcome:
    return Outcome(PROBLEM, [Candidate(solved(Trace(PROBLEM)), answer="2")], Tokens(decoded=decoded))


def test_the_remaining_time_follows_from_the_tokens_of_the_problems_that_are_done(clock: Clock) -> None:
    progress = SolvingProgress("solving", problems=10)
    clock.now += 10
    progress.add_tokens(Tokens(decoded=900))
    progress.add_outcome(outcome(600))
    assert progress._status(100) == "100 tokens/s, about 54 s left"  # 9 problems of 600 tokens each
    progress.add_outcome(outcome(6_000))
    assert progress._status(100) == "100 tokens/s, about 4 min left"


def test_problems_that_were_done_before_say_nothing_about_the_rest(clock: Clock) -> None:
    progress = SolvingProgress("solving", problems=10, done=8)
    clock.now += 10
    progress.add_tokens(Tokens(decoded=1_000))
    assert progress._status(0) == "100 tokens/s"
    progress.add_outcome(outcome(1_000_000))
    assert progress._status(0) == "100 tokens/s, about 2.8 h left"


def test_a_run_adds_its_accuracy_so_far(clock: Clock) -> None:
    progress = RunProgress(2, SelectionRule.majority, Aggregation.last)
    clock.now += 1
    progress.add_tokens(Tokens(decoded=50))
    progress.add_outcome(outcome(50))
    assert progress._status(0) == "50 tokens/s, about 1 s left, accuracy so far 100.0%"
