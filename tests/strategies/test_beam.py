"""Beam search guided by a process reward model (Snell et al. 2024, section 5.2)."""

from __future__ import annotations

import random

import pytest
from flows import PROBLEM, drive, finish, grown, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.strategies.beam import Beam, best_parents
from ttc.strategies.flows import Node
from ttc.types import FinishReason, Reply, Request, Sample, Score, Trace


def test_only_the_best_prefixes_are_expanded() -> None:
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


def test_a_finished_beam_keeps_its_slot_however_low_its_value() -> None:
    flow = Beam(width=2).solve(PROBLEM, 4)
    start(flow)
    finished = solved(Trace(PROBLEM))
    prefixes = [grown(Trace(PROBLEM), f"{name}\n") for name in "abc"]
    flow.send([finished, *prefixes])
    requests = flow.send([0.0, 0.5, 0.6, 0.7])
    # Three free slots: two for the best prefix, one for the second.
    assert [request.trace for request in requests] == [prefixes[2], prefixes[2], prefixes[1]]
    ends = [solved(request.trace) for request in requests]
    flow.send(list(ends))
    candidates = finish(flow, [0.9] * 3)
    assert [candidate.trace for candidate in candidates] == [finished, *ends]


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


def test_a_width_above_the_budget_keeps_one_beam_per_round() -> None:
    flow = Beam(width=4).solve(PROBLEM, 3)
    start(flow)
    flow.send([grown(Trace(PROBLEM), f"{n}\n") for n in range(3)])
    requests = flow.send([0.1, 0.9, 0.5])
    assert [request.trace.text for request in requests] == ["1\n"] * 3


def test_the_worst_surviving_beam_is_continued_fewer_times_where_the_width_does_not_divide_the_slots() -> None:
    beams = [Node(grown(Trace(PROBLEM), name), (value,)) for name, value in zip("abc", (0.2, 0.9, 0.5), strict=True)]
    assert [node.trace.text for node in best_parents(beams, 2)] == ["b", "b", "c"]


@pytest.mark.parametrize(
    ("strategy", "budget", "message"),
    [
        (Beam(width=4), 10, "budget=10 is not a multiple of width=4; use 8 or 12."),
        (Beam(width=None), 32, "budget=32 has no integer square root for strategy.width=null; use 25 or 36."),
        (Beam(width=0), 4, "strategy.width=0 must be at least 1; use e.g. 4."),
        (Beam(rounds=0), 4, "strategy.rounds=0 must be at least 1; use e.g. 40."),
        (Beam(), 0, "budget=0 must be at least 1; use e.g. budget=16."),
    ],
)
def test_impossible_settings_and_budgets_are_refused_with_a_remedy(strategy: Beam, budget: int, message: str) -> None:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    assert str(error.value) == message


@given(
    width=st.one_of(st.none(), st.integers(1, 6)),
    multiple=st.integers(1, 6),
    rounds=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_beam_returns_exactly_its_budget_of_candidates_and_never_samples_more_than_the_free_slots(
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

    candidates, batches = drive(strategy.solve(PROBLEM, budget), answer)
    assert len(candidates) == budget
    samples = [len(batch) for batch in batches if isinstance(batch[0], Sample)]
    assert samples[0] == budget and samples == sorted(samples, reverse=True) and len(samples) <= rounds
    assert sum(candidate.trace.is_finished for candidate in candidates) == finished
