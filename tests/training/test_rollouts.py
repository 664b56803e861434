"""Algorithm 1's labels, driven by hand."""

from __future__ import annotations

from flows import PROBLEM, finish, grown, solved, start

from ttc.training.rollouts import MonteCarlo
from ttc.types import FinishReason, Sample, Trace


def is_right(trace: Trace) -> bool | None:
    if not trace.is_finished:
        return None
    return "boxed{2}" in trace.text


def test_a_steps_label_is_the_share_of_its_rollouts_and_its_own_solution_that_end_right() -> None:
    flow = MonteCarlo(samples=1, rollouts=2).label(PROBLEM, is_right)
    assert start(flow) == [Sample(Trace(PROBLEM))]
    solution = solved(grown(grown(Trace(PROBLEM), "a\n"), "b\n"), "3")
    prefixes = [Trace(PROBLEM, solution.steps[:n], FinishReason.STEP) for n in (1, 2)]
    requests = flow.send([solution])
    assert requests == [Sample(prefixes[0]), Sample(prefixes[0]), Sample(prefixes[1]), Sample(prefixes[1])]
    rolled = [solved(request.trace, answer) for request, answer in zip(requests, "2235", strict=True)]
    own, *others = finish(flow, rolled)
    assert own.trace == solution
    assert own.values == (2 / 3, 0.0, 0.0)  # two of two rollouts and not the solution; none; the solution itself
    assert [other.trace for other in others] == rolled
    assert others[0].values == (2 / 3, 1.0)  # its prefix's label, then its own outcome


def test_solutions_without_an_answer_are_dropped() -> None:
    flow = MonteCarlo(samples=2, rollouts=0).label(PROBLEM, is_right)
    start(flow)
    cut = grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)
    flow.send([cut, solved(Trace(PROBLEM))])
    [kept] = finish(flow, [])
    assert kept.values == (1.0,)
