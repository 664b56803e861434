"""95% intervals over problems: coverage, pairing, and problems that all agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ttc.analysis.intervals import (
    DIFFERENCES,
    interval,
    intervals,
    over_seeds,
    paired_difference,
    unanimous_interval,
    wilson,
)


def test_the_interval_matches_the_normal_one_on_many_problems() -> None:
    flips = np.random.default_rng(1).random((500, 1)) < 0.4
    found = intervals(flips)[0]
    half = 1.96 * math.sqrt(found.mean * (1 - found.mean) / 500)
    assert found.mean == pytest.approx(flips.mean())
    assert found.lo == pytest.approx(found.mean - half, abs=0.006)
    assert found.hi == pytest.approx(found.mean + half, abs=0.006)


def test_the_interval_covers_the_true_mean_about_19_times_in_20() -> None:
    rng = np.random.default_rng(2)
    found = intervals(rng.random((100, 400)) < 0.3)
    covered = sum(i.lo <= 0.3 <= i.hi for i in found)
    assert 0.91 <= covered / 400 <= 0.98


def test_the_interval_does_not_depend_on_the_order_of_rows_or_on_the_block_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = {f"p{i}": math.sin(i) ** 2 for i in range(40)}
    whole = interval(results)
    assert interval(dict(reversed(results.items()))) == whole
    assert interval(results, seed=1) != whole
    monkeypatch.setattr("ttc.analysis.intervals._CELLS", 400)
    blocks = interval(results)
    assert (blocks.lo, blocks.hi) == pytest.approx((whole.lo, whole.hi), abs=1e-12)


@pytest.mark.parametrize("values", [np.empty((0, 3)), np.array([0.5, 0.5])])
def test_values_that_are_not_a_table_of_problems_are_refused(values: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="problems >= 1, columns"):
        intervals(values)


# --- unanimous problems


def test_wilsons_interval_of_all_or_none_has_width() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 10, 100, 500])
def test_a_unanimous_interval_of_all_or_none_is_wilsons(n: int) -> None:
    none, all_ = unanimous_interval(0.0, n), unanimous_interval(1.0, n)
    assert (none.lo, none.hi) == pytest.approx(wilson(0, n), abs=1e-12)
    assert (all_.lo, all_.hi) == pytest.approx(wilson(n, n), abs=1e-12)
    assert (none.mean, none.n, all_.mean, all_.n) == (0.0, n, 1.0, n)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_a_column_in_which_all_problems_agree_gets_the_unanimous_interval(value: float) -> None:
    mixed = np.arange(20) % 2
    unanimous, other = intervals(np.stack([np.full(20, value), mixed], axis=1))
    assert unanimous == unanimous_interval(value, 20)
    assert unanimous.lo < unanimous.hi and 0 <= unanimous.lo <= value <= unanimous.hi <= 1
    assert other == intervals(mixed[:, None])[0]  # the columns beside it are resampled


def test_a_unanimous_interval_narrows_with_more_problems() -> None:
    widths = [cell.hi - cell.lo for cell in (unanimous_interval(1.0, n) for n in (1, 10, 100, 1000))]
    assert widths == sorted(widths, reverse=True) and widths[-1] > 0


@pytest.mark.parametrize("n", [1, 10, 500])
def test_a_difference_of_zero_on_every_problem_has_width_on_both_sides(n: int) -> None:
    outcomes = {f"p{i}": float(i % 2) for i in range(n)}
    found = paired_difference(outcomes, outcomes)
    assert (found.mean, found.n) == (0.0, n)
    assert found.lo == -found.hi and found.hi == pytest.approx(wilson(0, n)[1])
    assert found == unanimous_interval(0.0, n, DIFFERENCES)


def test_a_difference_of_one_on_every_problem_is_bounded_by_one() -> None:
    won, lost = {"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 0.0}
    better, worse = paired_difference(won, lost), paired_difference(lost, won)
    assert (better.mean, better.hi) == (1.0, 1.0) and better.lo < 1.0
    assert (worse.mean, worse.lo) == (-1.0, -1.0) and worse.hi > -1.0


# --- pairs and seeds


def test_pairing_joins_by_id_and_removes_the_variance_that_problems_share() -> None:
    rng = np.random.default_rng(3)
    b = {f"p{i}": float(rng.random() < 0.5) for i in range(300)}
    gained = {id_ for i, id_ in enumerate(b) if i % 20 == 0}
    a = {id_: max(b[id_], float(id_ in gained)) for id_ in reversed(b)}
    difference = paired_difference(a, {**b, "only here": 1.0})
    assert difference.n == 300
    assert difference.mean == pytest.approx(interval(a).mean - interval(b).mean)
    assert 0 < difference.lo < difference.mean < difference.hi
    assert difference.hi - difference.lo < 0.5 * (interval(a).hi - interval(a).lo)


def test_two_runs_without_a_common_problem_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="share no problem"):
        paired_difference({"a": 1.0}, {"b": 1.0})


def test_seeds_are_averaged_per_problem_and_do_not_count_as_further_problems() -> None:
    seeds = [{"a": 1.0, "b": 0.0}, {"b": 1.0, "a": 1.0, "c": 1.0}]
    assert over_seeds(seeds) == {"a": 1.0, "b": 0.5}
    assert interval([seeds[0]] * 3) == interval(seeds[0])
    with pytest.raises(ValueError, match="no runs"):
        over_seeds([])


def test_an_interval_covers_the_true_mean_as_it_should_only_if_the_seeds_of_a_problem_move_together() -> None:
    rng = np.random.default_rng(5)
    problems, seeds, repeats = 50, 8, 300
    solved = rng.choice([0.05, 0.95], size=(problems, repeats))  # the true mean over problems is 0.5
    correct = rng.random((seeds, problems, repeats)) < solved
    clustered = intervals(correct.mean(axis=0))
    pooled = intervals(correct.reshape(seeds * problems, repeats))
    covered, too_rarely = (np.mean([i.lo <= 0.5 <= i.hi for i in found]) for found in (clustered, pooled))
    assert 0.9 <= covered <= 0.98
    assert too_rarely < 0.7


def test_means_over_seeds_that_differ_only_by_rounding_are_unanimous() -> None:
    found = intervals([[0.20000000000000004], [0.19999999999999998]] * 50)[0]
    assert found.hi - found.lo > 0.02


def test_a_unanimous_interval_follows_the_level() -> None:
    narrow, wide = (intervals(np.ones((100, 1)), level=level)[0] for level in (0.5, 0.95))
    assert wide.lo < narrow.lo < 1.0
