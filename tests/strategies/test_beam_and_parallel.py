"""Strategies, driven by hand: no model, no mock of one."""

from __future__ import annotations

import random

import pytest
from flows import PROBLEM, drive, finish, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN, Majority
from ttc.types import FinishReason, Reply, Request, Sample, Score, Trace


def test_majority_asks_for_the_whole_budget_at_once_and_for_no_scores() -> None:
    flow = Majority().solve(PROBLEM, 3)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 3
    traces = [solved(Trace(PROBLEM), answer) for answer in "225"]
    candidates = finish(flow, traces)
    assert [candidate.trace for candidate in candidates] == traces
    assert all(candidate.values == () for candidate in candidates)


def test_best_of_n_scores_every_solution_that_it_sampled() -> None:
    flow = BestOfN().solve(PROBLEM, 2)
    start(flow)
    traces = [solved(Trace(PROBLEM), "2"), solved(Trace(PROBLEM), "3")]
    assert flow.send(list(traces)) == [Score(trace) for trace in traces]
    candidates = finish(flow, [0.9, 0.1])
    assert [(candidate.trace, candidate.values) for candidate in candidates] == [
        (traces[0], (0.9,)),
        (traces[1], (0.1,)),
    ]


def test_best_of_n_asks_for_every_steps_value_where_that_is_wanted() -> None:
    flow = BestOfN(step_values=True).solve(PROBLEM, 1)
    start(flow)
    trace = solved(grown(Trace(PROBLEM), "a\n"))
    assert flow.send([trace]) == [Score(trace.prefix(1)), Score(trace)]
    [candidate] = finish(flow, [0.9, 0.2])
    assert candidate.values == (0.9, 0.2)


def test_beam_expands_only_the_best_prefixes() -> None:
    flow = Beam(width=2).solve(PROBLEM, 4)
    assert start(flow) == [Sample(Trace(PROBLEM), max_steps=1)] * 4
    firsts = [grown(Trace(PROBLEM), f"{name}\n") for name in "abcd"]
    assert flow.send(list(firsts)) == [Score(trace) for trace in firsts]
    assert flow.send([0.1, 0.8, 0.3, 0.9]) == [
        Sample(firsts[3], max_steps=1),
        Sample(firsts[3], max_steps=1),
        Sample(firsts[1], max_steps=1),
        Sample(firsts[1], max_steps=1),
    ]


def test_a_finished_beam_holds_its_slot_however_low_its_value() -> None:
    flow = Beam(width=2).solve(PROBLEM, 4)
    start(flow)
    done = solved(Trace(PROBLEM))
    open_ = [grown(Trace(PROBLEM), f"{name}\n") for name in "abc"]
    flow.send([done, *open_])
    requests = flow.send([0.0, 0.5, 0.6, 0.7])
    # Three free slots: two for the best prefix, one for the second.
    assert [request.trace for request in requests] == [open_[2], open_[2], open_[1]]
    ends = [solved(request.trace) for request in requests]
    flow.send(list(ends))
    candidates = finish(flow, [0.9] * 3)
    assert [candidate.trace for candidate in candidates] == [done, *ends]


def test_a_beam_keeps_the_values_of_all_its_steps() -> None:
    flow = Beam(width=1).solve(PROBLEM, 1)
    start(flow)
    first = grown(Trace(PROBLEM), "a\n")
    flow.send([first])
    flow.send([0.25])
    flow.send([solved(first)])
    [candidate] = finish(flow, [0.75])
    assert candidate.values == (0.25, 0.75)


def test_beams_still_open_after_the_last_round_stay_unfinished() -> None:
    flow = Beam(width=1, rounds=1).solve(PROBLEM, 2)
    start(flow)
    flow.send([grown(Trace(PROBLEM), "a\n"), solved(Trace(PROBLEM))])
    candidates = finish(flow, [0.9, 0.1])
    assert sorted(candidate.trace.is_finished for candidate in candidates) == [False, True]


def test_a_trace_cut_by_its_length_is_not_searched_further() -> None:
    flow = Beam(width=1).solve(PROBLEM, 1)
    start(flow)
    flow.send([grown(Trace(PROBLEM), "endless", FinishReason.LENGTH)])
    [candidate] = finish(flow, [0.5])
    assert not candidate.trace.is_finished


@pytest.mark.parametrize(
    ("strategy", "budget", "remedy"),
    [
        (Beam(width=4), 10, "use 8 or 12"),
        (Beam(width=None), 32, "use 25 or 36"),
        (Beam(width=0), 4, "use 1 or more"),
        (Beam(rounds=0), 4, "use 1 or more"),
        (Majority(), 0, "use 1 or more"),
    ],
)
def test_a_budget_that_cannot_be_spent_exactly_is_refused_with_the_neighbours_that_can(
    strategy: Beam | Majority, budget: int, remedy: str
) -> None:
    with pytest.raises(UserError, match=remedy):
        strategy.check(budget)


def test_a_beam_wider_than_its_budget_keeps_one_beam_a_round() -> None:
    flow = Beam(width=4).solve(PROBLEM, 3)
    next(flow)
    flow.send([grown(Trace(PROBLEM), f"{n}\n") for n in range(3)])
    requests = flow.send([0.1, 0.9, 0.5])
    assert [request.trace.text for request in requests] == ["1\n"] * 3


@given(
    width=st.one_of(st.none(), st.integers(1, 6)),
    multiple=st.integers(1, 6),
    rounds=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_beam_always_returns_exactly_its_budget_of_candidates_and_never_samples_more_than_the_free_slots(
    width: int | None, multiple: int, rounds: int, seed: int
) -> None:
    budget = multiple**2 if width is None else width * multiple
    strategy = Beam(width=width, rounds=rounds)
    strategy.check(budget)
    rng = random.Random(seed)
    finished = 0

    def answer(request: Request) -> Reply:
        nonlocal finished
        if isinstance(request, Score):
            return rng.random()
        if rng.random() < 0.3:
            finished += 1
            return solved(request.trace)
        return grown(request.trace, f"{rng.random()}\n")

    candidates, asked = drive(strategy.solve(PROBLEM, budget), answer)
    assert len(candidates) == budget
    samples = [len(batch) for batch in asked if isinstance(batch[0], Sample)]
    assert samples[0] == budget and samples == sorted(samples, reverse=True) and len(samples) <= rounds
    assert sum(candidate.trace.is_finished for candidate in candidates) == finished
