"""Candidates in columns are the candidates that were given, in less memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ttc.runs.columns import CandidateColumns
from ttc.runs.records import CandidateRecord

MIXED = (
    CandidateRecord("a", "2", True, "stop", (0.1, 1 / 3, -0.0), -1.5, 70_000),
    CandidateRecord("", None, False, "length", (), 0.0, 3),
    CandidateRecord("b", "", False, None, (1.0,), 2.5, 0),
)


@pytest.mark.parametrize(
    "given",
    [
        MIXED,
        MIXED[1:2],
        (),
        tuple(replace(candidate, values=()) for candidate in MIXED),
        tuple(replace(candidate, values=(1,)) for candidate in MIXED),  # an integer stays one
        tuple(replace(candidate, logprob=n and 0.5) for n, candidate in enumerate(MIXED)),  # so it does among floats
    ],
)
def test_columns_give_back_exactly_what_they_were_given(given: tuple[CandidateRecord, ...]) -> None:
    columns = CandidateColumns(given)
    places = range(-len(given), len(given))
    assert len(columns) == len(given)
    assert repr(list(columns)) == repr(list(given))  # by repr: True is no 1, and -0.0 no 0.0
    assert repr([columns[place] for place in places]) == repr([given[place] for place in places])
    assert repr(list(columns[1:])) == repr(list(given[1:])) and repr(list(columns[::-1])) == repr(list(given[::-1]))


def test_a_step_without_a_value_stays_nan() -> None:
    (found,) = CandidateColumns([replace(MIXED[0], values=(math.nan, 0.5))])
    assert math.isnan(found.values[0]) and found.values[1] == 0.5


def test_a_place_outside_the_candidates_is_an_error() -> None:
    for place in (3, -4):
        with pytest.raises(IndexError):
            CandidateColumns(MIXED)[place]


def test_columns_take_a_fraction_of_the_memory_of_an_object_for_each_candidate() -> None:
    assert _bytes(lambda made: CandidateColumns(made)) < 0.4 * _bytes(lambda made: made)


def _bytes(keep: Callable[[Sequence[CandidateRecord]], object]) -> int:
    """What 50 problems of 64 candidates each take while `keep` of them is held."""
    tracemalloc.start()
    try:
        held = [
            keep([CandidateRecord("", f"{n % 10}", n % 2 == 0, "stop", (n / 64,), 0.0, 300 + n) for n in range(64)])
            for _ in range(50)
        ]
        return tracemalloc.get_traced_memory()[0] if held else 0
    finally:
        tracemalloc.stop()
