"""Adaptive self-consistency stops when the vote is settled (Aggarwal et al. 2023)."""

from __future__ import annotations

import pytest
from flows import PROBLEM, RandomReplies, finish, generations_spent, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.adaptive import AdaptiveConsistency, majority_probability
from ttc.types import FinishReason, Trace


def test_sampling_stops_when_the_beta_criterion_settles_the_vote() -> None:
    flow = AdaptiveConsistency(confidence=0.95).solve(PROBLEM, 64)  # four of four votes: probability 31/32
    assert len(start(flow)) == 1
    for _ in range(3):
        assert len(flow.send([solved(Trace(PROBLEM))])) == 1
    assert len(finish(flow, [solved(Trace(PROBLEM))])) == 4


def test_the_last_batch_is_cut_to_the_budget() -> None:
    flow = AdaptiveConsistency(batch=3).solve(PROBLEM, 4)
    assert len(start(flow)) == 3
    assert len(flow.send([solved(Trace(PROBLEM), answer) for answer in "123"])) == 1
    assert len(finish(flow, [solved(Trace(PROBLEM), "4")])) == 4


def test_a_solution_without_an_answer_does_not_vote() -> None:
    votes = [solved(Trace(PROBLEM))] * 3
    assert not AdaptiveConsistency().is_settled([*votes, grown(Trace(PROBLEM), "cut", FinishReason.LENGTH)])
    assert AdaptiveConsistency().is_settled([*votes, solved(Trace(PROBLEM))])
    assert not AdaptiveConsistency().is_settled([])


@pytest.mark.parametrize(("first", "second"), [(1, 0), (4, 0), (5, 3), (20, 13), (40, 40)])
def test_the_majority_probability_is_the_integral_of_the_beta_density(first: int, second: int) -> None:
    points = 20_001
    grid = [i / (points - 1) for i in range(points)]
    density = [p**first * (1 - p) ** second for p in grid]
    upper = sum(density[points // 2 + 1 :]) + density[points // 2] / 2
    assert majority_probability(first, second) == pytest.approx(upper / sum(density), abs=1e-3)


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (AdaptiveConsistency(confidence=1.0), 4, "strategy.confidence=1.0 must be between 0.5 and 1; use e.g. 0.95."),
        (AdaptiveConsistency(confidence=0.5), 4, "strategy.confidence=0.5 must be between 0.5 and 1; use e.g. 0.95."),
        (AdaptiveConsistency(batch=0), 4, "strategy.batch=0 must be at least 1; use e.g. 4."),
        (AdaptiveConsistency(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(
    strategy: AdaptiveConsistency, budget: int, message: str
) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(batch=st.integers(1, 5), budget=st.integers(1, 25), seed=st.integers(0, 1000))
def test_adaptive_consistency_spends_at_most_its_budget(batch: int, budget: int, seed: int) -> None:
    replies = RandomReplies(seed)
    spent = generations_spent(AdaptiveConsistency(batch=batch), budget, replies)
    assert 1 <= spent <= budget
    assert replies.counts == {"samples": spent}
