"""Spearman's rank correlation, against scipy and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from ttc.analysis.rank_correlation import spearman, spearman_interval


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distinct", [3, 10, 1000])
def test_it_is_scipys_with_ties_and_without(seed: int, distinct: int) -> None:
    drawn = np.random.default_rng(seed)
    first = drawn.integers(0, distinct, 50) / distinct
    second = (first + drawn.integers(0, distinct, 50)) / distinct
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)


def test_values_that_are_all_equal_have_no_correlation() -> None:
    assert math.isnan(spearman([0.5, 0.5, 0.5], [0.1, 0.2, 0.3]))
    assert spearman_interval([0.5, 0.5, 0.5], [0.1, 0.2, 0.3]) is None


def test_the_interval_is_that_of_resampled_problems_ranked_again() -> None:
    drawn = np.random.default_rng(1)
    first = drawn.integers(0, 8, 40) / 8
    second = first + drawn.normal(0, 0.3, 40)
    found = spearman_interval(first, second, resamples=300, seed=7)
    assert found is not None and found.n == 40
    resampled, again = [], np.random.default_rng(7)
    for _ in range(300):
        rows = again.integers(0, 40, 40)
        resampled.append(spearmanr(first[rows], second[rows]).statistic)
    assert found.mean == pytest.approx(spearmanr(first, second).statistic)
    assert [found.lo, found.hi] == pytest.approx(np.quantile(resampled, [0.025, 0.975]).tolist())


def test_resamples_of_equal_values_are_left_out() -> None:
    found = spearman_interval([0.0, 0.0, 0.0, 1.0], [0.0, 0.1, 0.2, 0.9], resamples=200)
    assert found is not None and math.isfinite(found.lo) and math.isfinite(found.hi)
