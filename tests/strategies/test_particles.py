"""Particle filtering with the verifier as the likelihood (Puri et al. 2025)."""

from __future__ import annotations

from collections import Counter

import pytest
from flows import PROBLEM, RandomReplies, drive, finish, generations_spent, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.flows import Node
from ttc.strategies.particles import Particles, particle_weights
from ttc.types import Trace


def test_particles_are_weighted_by_the_odds_of_their_values() -> None:
    nodes = [Node(Trace(PROBLEM), (value,)) for value in (0.5, 0.75, 0.9)]  # odds 1, 3, 9
    weights = particle_weights(nodes, temperature=1.0)
    assert [weight / weights[0] for weight in weights] == pytest.approx([1, 3, 9])
    flat = particle_weights(nodes, temperature=2.0)
    assert [weight / flat[0] for weight in flat] == pytest.approx([1, 3**0.5, 3])


def test_particles_of_value_zero_are_dropped_and_finished_ones_are_drawn_but_not_continued() -> None:
    flow = Particles().solve(PROBLEM, 30)
    start(flow)
    good, bad, finished = grown(Trace(PROBLEM), "a\n"), grown(Trace(PROBLEM), "b\n"), solved(Trace(PROBLEM))
    flow.send([good, bad, finished] * 10)
    requests = flow.send([0.5, 0.0, 0.5] * 10)
    assert {request.trace for request in requests} == {good} and 5 < len(requests) < 25
    flow.send([solved(good)] * len(requests))
    candidates = finish(flow, [0.5] * len(requests))
    assert Counter(c.trace for c in candidates) == {finished: 30 - len(requests), solved(good): len(requests)}


def test_the_same_replies_give_the_same_particles() -> None:
    first, second = (drive(Particles().solve(PROBLEM, 8), RandomReplies(3)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Particles(temperature=0), 4, "strategy.temperature=0 must be above 0; use e.g. 1.0."),
        (Particles(rounds=0), 4, "strategy.rounds=0 must be at least 1; use e.g. 40."),
        (Particles(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(
    strategy: Particles, budget: int, message: str
) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(budget=st.integers(1, 25), seed=st.integers(0, 1000))
def test_particles_spend_exactly_their_budget(budget: int, seed: int) -> None:
    assert generations_spent(Particles(rounds=60), budget, RandomReplies(seed)) == budget
