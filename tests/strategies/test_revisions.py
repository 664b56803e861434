"""Chains of revisions (Snell et al. 2024, section 6)."""

from __future__ import annotations

import pytest
from flows import PROBLEM, drive, finish, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.revisions import Revisions, ratios
from ttc.types import FinishReason, Reply, Request, Sample, Score, Trace


def attempt(number: int) -> Trace:
    """Return a finished attempt with this answer."""
    return solved(Trace(PROBLEM), str(number))


def test_an_attempt_is_shown_the_four_latest_ones_of_its_chain() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 6)
    assert start(flow) == [Sample(Trace(PROBLEM))]
    attempts = [attempt(n) for n in range(6)]
    for n in range(1, 6):
        assert flow.send([attempts[n - 1]]) == [Sample(Trace(PROBLEM, attempts=tuple(attempts[max(0, n - 4) : n])))]
    assert flow.send([attempts[5]]) == [Score(trace) for trace in attempts]
    candidates = finish(flow, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert [candidate.values for candidate in candidates] == [(0.1,), (0.2,), (0.3,), (0.4,), (0.5,), (0.6,)]
    assert {candidate.chain for candidate in candidates} == {0}


def test_a_scored_attempt_keeps_the_attempts_that_it_was_shown() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 2)
    start(flow)
    [second] = flow.send([attempt(1)])
    _, scored = flow.send([solved(second.trace)])
    assert isinstance(scored, Score) and scored.trace.attempts == (attempt(1),)


def test_chains_run_side_by_side_and_are_not_shown_each_other() -> None:
    flow = Revisions("1:1").solve(PROBLEM, 4)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 2
    left, right = flow.send([attempt(1), attempt(2)])
    assert (left.trace.attempts, right.trace.attempts) == ((attempt(1),), (attempt(2),))
    flow.send([attempt(3), attempt(4)])
    candidates = finish(flow, [0.5] * 4)
    assert [(c.trace, c.chain) for c in candidates] == [
        (attempt(1), 0),
        (attempt(3), 0),
        (attempt(2), 1),
        (attempt(4), 1),
    ]


def test_an_attempt_cut_by_its_length_is_a_candidate_but_is_not_shown() -> None:
    flow = Revisions("sequential").solve(PROBLEM, 2)
    start(flow)
    cut = grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)
    assert flow.send([cut]) == [Sample(Trace(PROBLEM))]
    assert flow.send([attempt(1)]) == [Score(cut), Score(attempt(1))]
    assert [candidate.trace for candidate in finish(flow, [0.1, 0.9])] == [cut, attempt(1)]


def test_the_number_of_attempts_shown_can_be_set() -> None:
    flow = Revisions("sequential", shown=1).solve(PROBLEM, 3)
    start(flow)
    flow.send([attempt(1)])
    assert flow.send([attempt(2)]) == [Sample(Trace(PROBLEM, attempts=(attempt(2),)))]


@pytest.mark.parametrize(
    ("ratio", "budget", "chains"),
    [
        ("8:1", 128, (32, 4)),
        ("easy", 128, (128, 1)),
        ("medium", 128, (32, 4)),
        ("hard", 128, (4, 32)),
        ("sequential", 10, (10, 1)),
        ("parallel", 10, (1, 10)),
        ("1:1", 1, (1, 1)),
    ],
)
def test_a_ratio_is_the_length_of_a_chain_over_the_number_of_chains(
    ratio: str, budget: int, chains: tuple[int, int]
) -> None:
    Revisions(ratio).check(budget)
    assert Revisions(ratio).chains(budget) == chains


PAPER_TABLE = """
1 1:1; 2 1:2 2:1; 4 1:4 1:1 4:1; 8 1:8 1:2 2:1 8:1; 16 1:16 1:4 1:1 4:1 16:1; 32 1:32 1:8 1:2 2:1 8:1 32:1;
64 1:64 1:16 1:4 1:1 4:1 16:1 64:1; 128 1:128 1:32 1:8 1:2 2:1 8:1 32:1 128:1; 256 1:256 1:16 1:1 16:1 256:1
"""


def test_every_ratio_of_the_papers_table_can_be_spent_and_is_suggested() -> None:
    for entry in PAPER_TABLE.replace("\n", " ").split(";"):
        budget, *in_paper = entry.split()
        for ratio in in_paper:
            Revisions(ratio).check(int(budget))
        assert set(in_paper) <= set(ratios(int(budget)))


@given(budget=st.integers(1, 300), data=st.data())
def test_revisions_spend_exactly_their_budget(budget: int, data: st.DataObject) -> None:
    ratio = data.draw(st.sampled_from([*ratios(budget), "sequential", "parallel"]))
    strategy = Revisions(ratio)
    strategy.check(budget)

    def answer(request: Request) -> Reply:
        return 0.5 if isinstance(request, Score) else solved(request.trace)

    candidates, batches = drive(strategy.solve(PROBLEM, budget), answer)
    samples = [request for batch in batches for request in batch if isinstance(request, Sample)]
    assert len(samples) == len(candidates) == budget
    length, count = strategy.chains(budget)
    assert len({candidate.chain for candidate in candidates}) == count and length * count == budget


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (
            Revisions("1:1"),
            8,
            "budget=8 cannot be split into whole chains at strategy.ratio=1:1; "
            "use budget=4 or 9, or a ratio of 1:8, 1:2, 2:1, 8:1.",
        ),
        (
            Revisions("easy"),
            64,
            "budget=64 cannot be split into whole chains at strategy.ratio=easy; "
            "use budget=128, or a ratio of 1:64, 1:16, 1:4, 1:1, 4:1, 16:1, 64:1.",
        ),
        *(
            (
                Revisions(ratio),
                64,
                f"strategy.ratio={ratio} is not a ratio; use sequential:parallel, e.g. 4:1, "
                "or easy, medium, hard, sequential, parallel.",
            )
            for ratio in ("8", "0:1", "hasty", "1:2:3")
        ),
        (Revisions(shown=0), 4, "strategy.shown=0 must be at least 1; use e.g. 4."),
        (Revisions(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(
    strategy: Revisions, budget: int, message: str
) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message
