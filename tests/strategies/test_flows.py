"""The building blocks of strategies: `sample`, `score`, `side_by_side`, and a user-defined strategy made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from flows import OTHER, PROBLEM, drive, finish, grown, solved, start

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.flows import Node, SubFlow, sample, score, score_steps, side_by_side
from ttc.types import Candidate, Flow, Problem, Reply, Request, Sample, Score, Trace

EMPTY = Trace(PROBLEM)
SOLUTION = solved(grown(EMPTY, "a\n"))


def returned(flow: SubFlow[object], *batches: Sequence[Reply]) -> object:
    """Send the batches of replies, and return what the flow returns after the last."""
    next(flow)
    try:
        for replies in batches:
            flow.send(list(replies))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the flow yielded further requests")


def test_sample_requests_every_trace_with_its_limits_and_returns_the_replies_in_order() -> None:
    assert next(sample([EMPTY, SOLUTION], max_steps=2, temperature=0.0)) == [
        Sample(EMPTY, max_steps=2, temperature=0.0),
        Sample(SOLUTION, max_steps=2, temperature=0.0),
    ]
    assert returned(sample([EMPTY] * 2), [SOLUTION, EMPTY]) == [SOLUTION, EMPTY]


def test_score_requests_a_value_for_every_trace() -> None:
    assert next(score([EMPTY, SOLUTION])) == [Score(EMPTY), Score(SOLUTION)]
    assert returned(score([EMPTY, SOLUTION]), [0.25, 0.5]) == [0.25, 0.5]


def test_score_steps_groups_the_values_by_trace() -> None:
    single = solved(Trace(OTHER))
    assert next(score_steps([SOLUTION, single])) == [Score(SOLUTION.prefix(1)), Score(SOLUTION), Score(single)]
    assert returned(score_steps([SOLUTION, single]), [0.1, 0.2, 0.3]) == [(0.1, 0.2), (0.3,)]


@pytest.mark.parametrize(
    ("flow", "replies", "message"),
    [
        (sample([EMPTY]), [0.5], "expected 1 replies of type Trace, got 1 (float)"),
        (sample([EMPTY] * 2), [SOLUTION, 0.5], "expected 2 replies of type Trace, got 2 (Trace, float)"),
        (sample([EMPTY] * 2), [SOLUTION], "expected 2 replies of type Trace, got 1 (Trace)"),
        (sample([EMPTY]), [SOLUTION] * 2, "expected 1 replies of type Trace, got 2 (Trace)"),
        (sample([EMPTY]), [], "expected 1 replies of type Trace, got 0 ()"),
        (sample([EMPTY]), [0.5, SOLUTION], "expected 1 replies of type Trace, got 2 (Trace, float)"),
        (score([EMPTY]), [SOLUTION], "expected 1 replies of type float, got 1 (Trace)"),
        (score([EMPTY] * 2), [0.5], "expected 2 replies of type float, got 1 (float)"),
        (score([EMPTY]), [0.5, 0.5], "expected 1 replies of type float, got 2 (float)"),
        (score([EMPTY]), [1], "expected 1 replies of type float, got 1 (int)"),
        (score_steps([SOLUTION]), [0.5], "expected 2 replies of type float, got 1 (float)"),
    ],
)
def test_replies_of_the_wrong_type_or_number_are_a_type_error(
    flow: SubFlow[object], replies: list[Reply], message: str
) -> None:
    with pytest.raises(TypeError) as error:
        returned(flow, replies)
    assert str(error.value) == message


def test_flows_side_by_side_share_a_batch_and_end_at_different_times() -> None:
    def part(rounds: int, problem: Problem) -> SubFlow[int]:
        for _ in range(rounds):
            yield [Sample(Trace(problem))]
        return rounds

    _, batches = drive(_candidates(side_by_side([part(2, PROBLEM), part(0, PROBLEM), part(1, OTHER)])), _solve)
    assert batches == [[Sample(Trace(PROBLEM)), Sample(Trace(OTHER))], [Sample(Trace(PROBLEM))]]
    flow = side_by_side([part(2, PROBLEM), part(0, PROBLEM), part(1, OTHER)])
    assert returned(flow, [SOLUTION, SOLUTION], [SOLUTION]) == [2, 0, 1]


def test_every_flow_side_by_side_receives_its_own_replies() -> None:
    flow = side_by_side([score([EMPTY]), score([SOLUTION, SOLUTION]), score([])])
    assert start(_candidates(side_by_side([score([EMPTY]), score([SOLUTION])]))) == [Score(EMPTY), Score(SOLUTION)]
    assert returned(flow, [0.1, 0.2, 0.3]) == [[0.1], [0.2, 0.3], []]


def test_a_node_becomes_a_candidate_with_all_its_values() -> None:
    node = Node(SOLUTION, (0.25, 0.75))
    assert node.value == 0.75 and node.candidate() == Candidate(SOLUTION, (0.25, 0.75))


# --- the defaults of the base class


@dataclass
class SampleTwice(Strategy):
    """A user-defined strategy that scores the second of two attempts."""

    def solve(self, problem: Problem, budget: int) -> Flow:
        yield from sample([Trace(problem)] * budget)
        traces = yield from sample([Trace(problem)] * budget)
        values = yield from score(traces)
        return [Candidate(trace, (value,)) for trace, value in zip(traces, values, strict=True)]


def test_by_default_a_strategy_needs_a_verifier_and_its_samples_are_dependent() -> None:
    strategy = SampleTwice()
    assert strategy.needs_verifier and not strategy.independent_samples and not strategy.has_chains
    assert strategy.scores_every_step


def test_by_default_every_budget_of_at_least_one_is_accepted() -> None:
    for budget in (1, 2, 17):
        SampleTwice().check(budget)
    for budget in (0, -1):
        with pytest.raises(UserError, match=rf"^budget={budget} must be at least 1; use e\.g\. budget=16\.$"):
            SampleTwice().check(budget)


def test_a_user_defined_strategy_runs_without_a_model() -> None:
    flow = SampleTwice().solve(PROBLEM, 1)
    assert start(flow) == [Sample(EMPTY)]
    assert flow.send([EMPTY]) == [Sample(EMPTY)]
    assert flow.send([SOLUTION]) == [Score(SOLUTION)]
    assert finish(flow, [0.5]) == [Candidate(SOLUTION, (0.5,))]


def _solve(request: Request) -> Reply:
    return solved(request.trace)


def _candidates(part: SubFlow[object]) -> Flow:
    """Return a flow that runs the part and returns no candidates."""
    yield from part
    return []
