"""Lookahead search: steps are scored by greedy rollouts (Snell et al. 2024, section 5.2)."""

from __future__ import annotations

import pytest
from flows import PROBLEM, RandomReplies, drive, generations_spent, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.beam import Beam
from ttc.strategies.lookahead import Lookahead
from ttc.types import Sample, Score, Trace


def test_lookahead_of_no_steps_is_beam_search() -> None:
    strategies = Beam(width=2), Lookahead(width=2, k=0)
    expected, found = (drive(strategy.solve(PROBLEM, 8), RandomReplies(5)) for strategy in strategies)
    assert found == expected


def test_a_step_is_scored_by_its_greedy_rollout_which_is_discarded() -> None:
    flow = Lookahead(width=2, k=3).solve(PROBLEM, 8)
    assert start(flow) == [Sample(Trace(PROBLEM), max_steps=1)] * 2
    steps = [grown(Trace(PROBLEM), "a\n"), grown(Trace(PROBLEM), "b\n")]
    assert flow.send(list(steps)) == [Sample(step, max_steps=3, temperature=0.0) for step in steps]
    rollouts = [solved(steps[0]), grown(steps[1], "b and more\n")]
    assert flow.send(list(rollouts)) == [Score(rollout) for rollout in rollouts]
    assert flow.send([0.9, 0.1]) == [Sample(steps[0], max_steps=1)] * 2


def test_a_finished_beam_is_scored_without_a_rollout() -> None:
    flow = Lookahead(width=2, k=1).solve(PROBLEM, 4)
    start(flow)
    finished, prefix = solved(Trace(PROBLEM)), grown(Trace(PROBLEM), "a\n")
    assert flow.send([finished, prefix]) == [Sample(prefix, max_steps=1, temperature=0.0)]
    rollout = solved(prefix, "7")
    assert flow.send([rollout]) == [Score(finished), Score(rollout)]


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Lookahead(k=3), 63, "budget=63 is not a multiple of k + 1 = 4, the cost of one beam; use 48 or 64."),
        (
            Lookahead(k=1),
            20,
            "budget=20 buys 10 beams of k + 1 = 2 generations, which strategy.width=4 does not divide; use 16 or 24.",
        ),
        (
            Lookahead(k=1, width=None),
            16,
            "budget=16 buys 8 beams of k + 1 = 2 generations, which strategy.width=null does not divide; use 8 or 18.",
        ),
        (Lookahead(k=1, width=0), 16, "strategy.width=0 must be at least 1; use e.g. 4."),
        (Lookahead(k=1, rounds=0), 16, "strategy.rounds=0 must be at least 1; use e.g. 40."),
        (Lookahead(k=-1), 16, "strategy.k=-1 must not be negative; use e.g. 1."),
        (Lookahead(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(
    strategy: Lookahead, budget: int, message: str
) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(width=st.integers(1, 5), multiple=st.integers(1, 5), k=st.integers(0, 3), seed=st.integers(0, 1000))
def test_lookahead_spends_exactly_its_budget(width: int, multiple: int, k: int, seed: int) -> None:
    budget = width * multiple * (k + 1)
    strategy = Lookahead(width=width, k=k, rounds=60)
    assert generations_spent(strategy, budget, RandomReplies(seed)) == budget
