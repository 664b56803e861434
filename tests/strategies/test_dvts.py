"""Diverse verifier tree search (Beeching et al. 2024)."""

from __future__ import annotations

import pytest
from flows import PROBLEM, RandomReplies, finish, generations_spent, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.dvts import Dvts
from ttc.types import Reply, Sample, Score, Trace


def test_the_best_beam_of_each_tree_is_kept() -> None:
    flow = Dvts(width=2).solve(PROBLEM, 4)
    assert start(flow) == [Sample(Trace(PROBLEM), max_steps=1)] * 4
    steps = [grown(Trace(PROBLEM), f"{name}\n") for name in "abcd"]
    assert flow.send(list(steps)) == [Score(step) for step in steps]
    requests = flow.send([0.9, 0.8, 0.1, 0.2])  # beam search would keep a and b
    assert requests == [Sample(steps[0], max_steps=1)] * 2 + [Sample(steps[3], max_steps=1)] * 2
    replies: list[Reply] = [solved(steps[0]), solved(steps[0]), solved(steps[3]), grown(steps[3], "e\n")]
    flow.send(replies)
    requests = flow.send([0.5, 0.5, 0.5, 0.5])  # the first tree is finished, the second continues
    assert [request.trace.text for request in requests] == ["d\ne\n"]
    flow.send([solved(requests[0].trace)])
    assert len(finish(flow, [0.5])) == 4


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Dvts(width=4), 10, "budget=10 is not a multiple of width=4; use 8 or 12."),
        (Dvts(width=0), 10, "strategy.width=0 must be at least 1; use e.g. 4."),
        (Dvts(rounds=0), 8, "strategy.rounds=0 must be at least 1; use e.g. 40."),
        (Dvts(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(strategy: Dvts, budget: int, message: str) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(width=st.integers(1, 5), multiple=st.integers(1, 5), seed=st.integers(0, 1000))
def test_dvts_spends_exactly_its_budget(width: int, multiple: int, seed: int) -> None:
    strategy = Dvts(width=width, rounds=60)
    assert generations_spent(strategy, width * multiple, RandomReplies(seed)) == width * multiple
