"""Monte-Carlo tree search over steps."""

from __future__ import annotations

import pytest
from flows import PROBLEM, RandomReplies, drive, generations_spent, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.mcts import Mcts
from ttc.types import Reply, Request, Score, Trace


def test_the_search_returns_to_the_prefix_of_the_best_scored_solutions() -> None:
    flow = Mcts(exploration=0.0, widening=1.0, parallel=1).solve(PROBLEM, 4)
    start(flow)
    flow.send([solved(grown(Trace(PROBLEM), "good\n"))])
    [root] = flow.send([0.9, 0.9])  # one sample in two visits: the root may be sampled again
    assert root.trace == Trace(PROBLEM)
    flow.send([solved(grown(Trace(PROBLEM), "bad\n"))])
    [deeper] = flow.send([0.1, 0.1])  # two samples in three visits: the search descends
    assert deeper.trace.text == "good\n"


def test_the_search_descends_where_every_solution_begins_alike() -> None:
    replies = RandomReplies(1)
    deepest = 0

    def answer(request: Request) -> Reply:
        nonlocal deepest
        if isinstance(request, Score):
            return replies(request)
        trace = request.trace
        deepest = max(deepest, len(trace.steps))
        return solved(grown(grown(trace, "a\n"), "b\n") if len(trace.steps) < 4 else trace)

    drive(Mcts(parallel=1).solve(PROBLEM, 16), answer)
    assert deepest >= 2


def test_parallel_simulations_are_sampled_in_one_batch() -> None:
    _, batches = drive(Mcts(parallel=4).solve(PROBLEM, 10), RandomReplies(2))
    assert [len(batch) for batch in batches[::2]] == [4, 4, 2]


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Mcts(parallel=0), 4, "strategy.parallel=0 must be at least 1; use e.g. 4."),
        (Mcts(widening=0), 4, "strategy.widening=0 must be above 0; use e.g. 1.0."),
        (Mcts(exploration=-1), 4, "strategy.exploration=-1 must not be negative; use e.g. 0.5."),
        (Mcts(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(strategy: Mcts, budget: int, message: str) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(parallel=st.integers(1, 5), budget=st.integers(1, 25), seed=st.integers(0, 1000))
def test_mcts_spends_exactly_its_budget(parallel: int, budget: int, seed: int) -> None:
    replies = RandomReplies(seed)
    assert generations_spent(Mcts(parallel=parallel), budget, replies) == budget
    assert replies.counts["samples"] == budget
