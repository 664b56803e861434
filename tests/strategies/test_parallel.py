"""Parallel sampling: majority and best-of-N."""

from __future__ import annotations

import pytest
from flows import PROBLEM, finish, grown, solved, start

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.parallel import BestOfN, Majority
from ttc.types import Sample, Score, Trace


def test_majority_samples_the_whole_budget_at_once_and_requests_no_scores() -> None:
    flow = Majority().solve(PROBLEM, 3)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 3
    traces = [solved(Trace(PROBLEM), answer) for answer in "225"]
    candidates = finish(flow, traces)
    assert [candidate.trace for candidate in candidates] == traces
    assert all(candidate.values == () for candidate in candidates)


def test_best_of_n_scores_every_solution_that_it_samples() -> None:
    flow = BestOfN().solve(PROBLEM, 2)
    start(flow)
    traces = [solved(Trace(PROBLEM), "2"), solved(Trace(PROBLEM), "3")]
    assert flow.send(list(traces)) == [Score(trace) for trace in traces]
    candidates = finish(flow, [0.9, 0.1])
    assert [(candidate.trace, candidate.values) for candidate in candidates] == [
        (traces[0], (0.9,)),
        (traces[1], (0.1,)),
    ]


def test_best_of_n_with_step_values_scores_every_step() -> None:
    flow = BestOfN(step_values=True).solve(PROBLEM, 1)
    start(flow)
    trace = solved(grown(Trace(PROBLEM), "a\n"))
    assert flow.send([trace]) == [Score(trace.prefix(1)), Score(trace)]
    [candidate] = finish(flow, [0.9, 0.2])
    assert candidate.values == (0.9, 0.2)
    assert BestOfN(step_values=True).scores_every_step and not BestOfN().scores_every_step


@pytest.mark.parametrize("strategy", [Majority(), BestOfN()])
@pytest.mark.parametrize("budget", [0, -3])
def test_a_budget_below_one_is_refused(strategy: Strategy, budget: int) -> None:
    with pytest.raises(UserError, match=rf"^budget={budget} must be at least 1; use e\.g\. budget=16\.$"):
        strategy.check(budget)


@pytest.mark.parametrize("strategy", [Majority(), BestOfN()])
@pytest.mark.parametrize("budget", [1, 7, 64])
def test_every_other_budget_can_be_spent(strategy: Strategy, budget: int) -> None:
    strategy.check(budget)
    assert strategy.independent_samples
