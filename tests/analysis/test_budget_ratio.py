"""The ratio of budgets at equal accuracy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.analysis.budget_ratio import budget_ratio, cost_to_reach

COSTS = np.array([1.0, 2.0, 4.0, 8.0])


def test_a_measured_point_is_reached_at_its_own_cost() -> None:
    accuracies = np.array([0.2, 0.4, 0.6, 0.8])
    assert [cost_to_reach(accuracy, accuracies, COSTS) for accuracy in accuracies] == pytest.approx(list(COSTS))


def test_between_points_the_accuracy_is_linear_in_the_logarithm_of_the_cost() -> None:
    assert cost_to_reach(0.5, np.array([0.2, 0.4, 0.6, 0.8]), COSTS) == pytest.approx(math.sqrt(2 * 4))


def test_nothing_is_extrapolated() -> None:
    accuracies = np.array([0.2, 0.4, 0.6, 0.8])
    assert cost_to_reach(0.1, accuracies, COSTS) == 1 and cost_to_reach(0.81, accuracies, COSTS) == math.inf


def test_a_curve_that_falls_again_has_reached_what_it_had_reached() -> None:
    assert cost_to_reach(0.5, np.array([0.2, 0.5, 0.3, 0.6]), COSTS) == pytest.approx(2)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_accuracy_never_costs_less(accuracies: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    curve = np.array(accuracies)
    assert cost_to_reach(low, curve, COSTS) <= cost_to_reach(high, curve, COSTS) * (1 + 1e-12)


def shares(levels: list[float], problems: int = 200) -> np.ndarray:
    return np.array([[float(place < level * problems) for place in range(problems)] for level in levels])


def test_the_ratio_is_the_baselines_cost_over_the_own_at_equal_accuracy() -> None:
    baseline, costs = shares([0.2, 0.4, 0.6, 0.8]), np.repeat(COSTS[:, None], 200, axis=1)
    found = budget_ratio(shares([0.6])[0], np.full(200, 2.0), baseline, costs)
    assert found.reached and (found.matched, found.ratio) == pytest.approx((4, 2))
    assert found.lo == pytest.approx(2) == found.hi  # the same problems: paired resamples agree


def test_the_interval_contains_the_ratio_and_narrows_with_the_problems() -> None:
    rng = np.random.default_rng(0)

    def width(problems: int) -> float:
        baseline = (rng.random((4, problems)) < np.array([[0.2], [0.4], [0.6], [0.8]])).astype(float)
        ours = (rng.random(problems) < 0.6).astype(float)
        found = budget_ratio(ours, np.full(problems, 2.0), baseline, np.repeat(COSTS[:, None], problems, axis=1))
        assert found.lo <= found.ratio <= found.hi
        return found.hi - found.lo

    assert width(5000) < width(200)


def test_an_accuracy_that_the_baseline_never_reaches_gives_a_lower_bound() -> None:
    baseline, costs = shares([0.2, 0.4, 0.5, 0.6]), np.repeat(COSTS[:, None], 200, axis=1)
    found = budget_ratio(shares([0.9])[0], np.full(200, 2.0), baseline, costs)
    assert (found.matched, found.ratio, found.hi, found.reached) == (8, 4, math.inf, False)
