"""Labels from rollouts (Algorithm 1) and from outcomes."""

from __future__ import annotations

from flows import PROBLEM, finish, grown, solved, start

from ttc.training.rollouts import MonteCarlo, sample_outcomes
from ttc.types import FinishReason, Sample, Trace


def is_correct(trace: Trace) -> bool | None:
    if not trace.is_finished:
        return None
    return "boxed{2}" in trace.text


def test_the_label_of_a_step_is_the_share_of_its_rollouts_and_its_own_solution_that_are_correct() -> None:
    flow = MonteCarlo(samples=1, rollouts=2).label(PROBLEM, is_correct)
    assert start(flow) == [Sample(Trace(PROBLEM))]
    solution = solved(grown(grown(Trace(PROBLEM), "a\n"), "b\n"), "3")
    prefixes = [Trace(PROBLEM, solution.steps[:n], FinishReason.STEP) for n in (1, 2)]
    requests = flow.send([solution])
    assert requests == [Sample(prefixes[0]), Sample(prefixes[0]), Sample(prefixes[1]), Sample(prefixes[1])]
    rolled = [solved(request.trace, answer) for request, answer in zip(requests, "2235", strict=True)]
    own, *others = finish(flow, rolled)
    assert own.trace == solution
    assert own.values == (2 / 3, 0.0, 0.0)  # two of two rollouts but not the solution; none; the solution itself
    assert [other.trace for other in others] == rolled
    assert others[0].values == (2 / 3, 1.0)  # its prefix's label, then its own outcome


def test_solutions_without_an_answer_are_dropped() -> None:
    flow = MonteCarlo(samples=2, rollouts=0).label(PROBLEM, is_correct)
    start(flow)
    cut = grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)
    flow.send([cut, solved(Trace(PROBLEM))])
    [kept] = finish(flow, [])
    assert kept.values == (1.0,)


def test_an_outcome_labels_every_step_of_its_solution() -> None:
    flow = sample_outcomes(PROBLEM, 3, is_correct)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 3
    correct, wrong = (solved(grown(Trace(PROBLEM), "a\n"), answer) for answer in "23")
    cut = grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)
    candidates = finish(flow, [correct, cut, wrong])
    assert [(c.trace, c.values) for c in candidates] == [(correct, (1.0, 1.0)), (wrong, (0.0, 0.0))]
