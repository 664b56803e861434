"""AUC and ratios of sums, with intervals from resampled problems, against brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from ttc.analysis.cluster_bootstrap import auc, auc_interval, numbered, ratio_interval, summed


def counted_auc(values: Sequence[float], positive: Sequence[bool]) -> float:
    pairs = [
        (p > n) + (p == n) / 2
        for p, is_positive in zip(values, positive, strict=True)
        if is_positive
        for n, other in zip(values, positive, strict=True)
        if not other
    ]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(4))
def test_auc_agrees_with_a_count_of_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, positive = rng.integers(0, 8, 50) / 8, rng.random(50) < 0.6
    expected = counted_auc([*values], [*positive])
    assert auc(values, positive) == pytest.approx(expected)
    assert auc(-values, positive) == pytest.approx(1 - expected)
    assert math.isnan(auc(values, np.ones(50, dtype=bool)))


def test_auc_intervals_come_from_resampled_problems() -> None:
    rng = np.random.default_rng(0)
    problems = np.arange(60) // 3
    positive = rng.random(60) < 0.5
    values = rng.random(60) + 0.4 * positive
    found = auc_interval(values, positive, problems, resamples=300, seed=1)
    draws = np.random.default_rng(1).integers(0, 20, size=(300, 20))
    resampled = []
    for drawn in draws:
        rows = np.concatenate([np.flatnonzero(problems == problem) for problem in drawn])
        resampled.append(counted_auc([*values[rows]], [*positive[rows]]))
    assert (found.lo, found.hi) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])))
    assert found.lo < found.mean < found.hi and found.n == 20


def test_ratio_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        sizes = rng.integers(1, 6, 80)
        sums = np.stack([rng.binomial(sizes, 0.3), sizes], axis=1).astype(float)
        found = ratio_interval(sums, lambda s: s[..., 0] / s[..., 1], resamples=400, seed=trial)
        covered += found.lo <= 0.3 <= found.hi
    assert 180 <= covered <= 199


def test_sums_are_those_of_each_problem_and_numbers_do_not_depend_on_the_order() -> None:
    problems = numbered(["b", "a", "b", "c"])
    assert problems.tolist() == [1, 0, 1, 2] and numbered(["c", "b", "a", "b"]).tolist() == [2, 1, 0, 1]
    assert summed(np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]), problems).tolist() == [[3, 4], [6, 8], [7, 8]]


def test_resamples_in_which_a_statistic_is_undefined_are_left_out() -> None:
    found = ratio_interval(np.array([[1.0, 2], [0, 0], [0, 0]]), lambda s: s[..., 0] / s[..., 1])
    assert found.mean == 0.5 and not math.isnan(found.lo)
    undefined = ratio_interval(np.zeros((3, 2)), lambda s: s[..., 0] / s[..., 1])
    assert math.isnan(undefined.mean) and math.isnan(undefined.lo)
