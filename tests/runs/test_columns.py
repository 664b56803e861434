"""Candidates stored by column equal the given ones, in less memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ttc.runs.columns import CandidateColumns
from ttc.runs.records import CandidateRecord

MIXED = (
    CandidateRecord("a", "2", True, "stop", (0.1, 1 / 3, -0.0), 70_000),
    CandidateRecord("", None, False, "length", (), 3, chain=0),
    CandidateRecord("b", "", False, None, (1.0,), 0, chain=1),
)


@pytest.mark.parametrize(
    "given",
    [
        MIXED,
        MIXED[1:2],
        (),
        tuple(replace(candidate, values=()) for candidate in MIXED),
        tuple(replace(candidate, values=(1,)) for candidate in MIXED),  # integers stay integers
        tuple(replace(candidate, values=(n and 0.5,)) for n, candidate in enumerate(MIXED)),  # also among floats
        tuple(replace(candidate, chain=0) for candidate in MIXED),
    ],
)
def test_columns_return_exactly_the_given_candidates(given: tuple[CandidateRecord, ...]) -> None:
    columns = CandidateColumns(given)
    places = range(-len(given), len(given))
    assert len(columns) == len(given)
    assert repr(list(columns)) == repr(list(given))  # by repr, which distinguishes True from 1 and -0.0 from 0.0
    assert repr([columns[place] for place in places]) == repr([given[place] for place in places])
    assert repr(list(columns[1:])) == repr(list(given[1:])) and repr(list(columns[::-1])) == repr(list(given[::-1]))


def test_a_value_of_nan_stays_nan() -> None:
    (found,) = CandidateColumns([replace(MIXED[0], values=(math.nan, 0.5))])
    assert math.isnan(found.values[0]) and found.values[1] == 0.5


def test_an_index_out_of_range_is_an_error() -> None:
    for place in (3, -4):
        with pytest.raises(IndexError):
            CandidateColumns(MIXED)[place]


def test_columns_take_a_fraction_of_the_memory_of_one_object_per_candidate() -> None:
    assert _bytes(lambda candidates: CandidateColumns(candidates)) < 0.4 * _bytes(lambda candidates: candidates)


def _bytes(keep: Callable[[Sequence[CandidateRecord]], object]) -> int:
    """Return the memory that 50 problems of 64 candidates take in the form that `keep` returns."""
    tracemalloc.start()
    try:
        kept = [
            keep([CandidateRecord("", f"{n % 10}", n % 2 == 0, "stop", (n / 64,), 300 + n) for n in range(64)])
            for _ in range(50)
        ]
        return tracemalloc.get_traced_memory()[0] if kept else 0
    finally:
        tracemalloc.stop()
