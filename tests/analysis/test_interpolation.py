"""Outcomes at budgets that were not measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ttc.analysis.interpolation import read_at

BUDGETS = [1, 4, 16, 64]
SHARE = st.floats(0, 1)
CURVES = st.lists(st.lists(SHARE, min_size=3, max_size=3), min_size=4, max_size=4).map(np.array)
INSIDE = st.floats(1, 64)
NEARLY = 1e-12


@given(CURVES, st.sampled_from(range(4)))
def test_a_measured_budget_is_read_as_it_was_measured(outcomes: NDArray[np.float64], place: int) -> None:
    reading = read_at(BUDGETS, outcomes, BUDGETS[place])
    assert reading.outcomes.tolist() == outcomes[place].tolist() and reading.is_measured
    assert reading.low == reading.high == BUDGETS[place]


def test_between_two_budgets_it_is_linear_in_the_logarithm() -> None:
    outcomes = np.array([[0.0, 1.0], [0.4, 0.0], [0.8, 0.5], [1.0, 0.5]])
    reading = read_at(BUDGETS, outcomes, 8)  # half way from 4 to 16
    assert reading.outcomes == pytest.approx([0.6, 0.25]) and (reading.low, reading.high) == (4, 16)
    third = read_at(BUDGETS, outcomes, 4 * 4 ** (1 / 3))
    assert third.outcomes == pytest.approx([0.4 + 0.4 / 3, 0.5 / 3])


@given(CURVES, INSIDE)
def test_a_problem_never_leaves_the_values_of_its_two_neighbours(outcomes: NDArray[np.float64], budget: float) -> None:
    reading = read_at(BUDGETS, outcomes, budget)
    low, high = (outcomes[BUDGETS.index(neighbour)] for neighbour in (reading.low, reading.high))
    assert reading.low <= budget <= reading.high and reading.is_measured
    assert (np.minimum(low, high) <= reading.outcomes).all() and (reading.outcomes <= np.maximum(low, high)).all()


@given(CURVES, INSIDE, INSIDE)
def test_where_measurements_rise_so_do_readings(outcomes: NDArray[np.float64], one: float, other: float) -> None:
    rising = np.sort(outcomes, axis=0)
    less, more = (read_at(BUDGETS, rising, budget).outcomes for budget in sorted((one, other)))
    assert (less <= more + NEARLY).all()


@given(CURVES, CURVES, st.floats(0.1, 1000))
def test_a_curve_that_is_nowhere_worse_is_read_as_nowhere_worse(
    one: NDArray[np.float64], other: NDArray[np.float64], budget: float
) -> None:
    worse, better = (read_at(BUDGETS, curve, budget).outcomes for curve in (np.minimum(one, other), one))
    assert (worse <= better + NEARLY).all()


@given(CURVES, st.floats(64, 1e6, exclude_min=True))
def test_beyond_the_largest_budget_it_is_clamped_and_says_so(outcomes: NDArray[np.float64], budget: float) -> None:
    reading = read_at(BUDGETS, outcomes, budget)
    assert reading.outcomes.tolist() == outcomes[-1].tolist()
    assert reading.is_beyond and not reading.is_below and not reading.is_measured and reading.high == 64


@given(CURVES, st.floats(0, 1, exclude_max=True))
def test_below_the_smallest_budget_it_is_clamped_and_says_so(outcomes: NDArray[np.float64], budget: float) -> None:
    reading = read_at(BUDGETS, outcomes, budget)
    assert reading.outcomes.tolist() == outcomes[0].tolist()
    assert reading.is_below and not reading.is_beyond and not reading.is_measured and reading.low == 1


@given(CURVES, INSIDE)
def test_the_mean_of_the_readings_is_the_reading_of_the_mean(outcomes: NDArray[np.float64], budget: float) -> None:
    means = outcomes.mean(axis=1, keepdims=True)
    expected = np.interp(math.log2(budget), np.log2(BUDGETS), means[:, 0])  # of another implementation
    assert read_at(BUDGETS, outcomes, budget).outcomes.mean() == pytest.approx(expected)


def test_one_measured_budget_is_read_everywhere() -> None:
    outcomes = np.array([[0.25, 0.75]])
    marks = [(reading.is_below, reading.is_beyond) for reading in (read_at([4], outcomes, n) for n in (2, 4, 8))]
    assert marks == [(True, False), (False, False), (False, True)]
