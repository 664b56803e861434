"""95% intervals of statistics that are no means: ratios of sums, and areas under the ROC curve.

As in `ttc.analysis.intervals`, problems are drawn with replacement, with all of their solutions and steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.intervals import EQUAL_WITHIN, LEVEL, RESAMPLES, Interval, resample_counts, unanimous_interval

AUC_RESAMPLES = 1000  # each passes over all items

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Turns sums, (..., sums), into a number each, (...); NaN where it is undefined."""


def numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Return a number from 0 for each distinct name, in sorted order: resamples must not depend on the order."""
    return np.unique(np.array(names, dtype=object), return_inverse=True)[1].astype(np.int64)


def summed(columns: Floats, problems: NDArray[np.int64]) -> Floats:
    """Add up the rows of each problem: (rows, columns) and the problem of each row become (problems, columns)."""
    sums = np.zeros((int(problems.max()) + 1, columns.shape[1]))
    np.add.at(sums, problems, columns)
    return sums


def ratio_interval(sums: Floats, statistic: Statistic, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Return a statistic of sums over problems with its interval.

    Args:
        sums: (problems, sums).
        statistic: of the totals.
        resamples: how many.
        seed: of the resamples.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        counts = resample_counts(len(sums), resamples=resamples, seed=seed, width=sums.shape[1])
        resampled = np.concatenate([statistic(block @ sums) for block in counts])
        return _interval(float(statistic(sums.sum(axis=0))), resampled, len(sums))


def auc_interval(
    values: Floats,
    positive: NDArray[np.bool_],
    problems: NDArray[np.int64],
    *,
    resamples: int = AUC_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the AUC of `values` with its interval.

    Args:
        values: one per item.
        positive: whether the item should have a high value.
        problems: the number of each item's problem, from 0.
        resamples: how many.
        seed: of the resamples.
    """
    ranked = _Ranked(values, positive)
    n = int(problems.max()) + 1
    blocks = resample_counts(n, resamples=resamples, seed=seed, width=len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = np.concatenate([ranked.auc(block[:, problems].astype(np.float64)) for block in blocks])
    return _interval(auc(values, positive), resampled, n)


def auc(values: Floats, positive: NDArray[np.bool_]) -> float:
    """Return P(a positive item has a higher value than a negative one); ties count half.

    NaN where all items are positive, or none is.
    """
    if positive.all() or not positive.any():
        return math.nan
    return float(_Ranked(values, positive).auc(np.ones((1, len(values))))[0])


class _Ranked:
    """Items in the order of their values, to compute the AUC for many weightings of them."""

    def __init__(self, values: Floats, positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._positive = positive[self._order]
        # Of each positive item: how many items have a lower value, and how many no higher one.
        self._lower = np.searchsorted(ordered, ordered[self._positive], "left")
        self._no_higher = np.searchsorted(ordered, ordered[self._positive], "right")

    def auc(self, weights: Floats) -> Floats:
        """Return the AUC for each row of weights: (rows, items) to (rows,)."""
        ordered = weights[:, self._order]
        positive = ordered[:, self._positive]
        negative = np.zeros((len(weights), ordered.shape[1] + 1))  # of the items before each place
        np.cumsum(ordered * ~self._positive, axis=1, out=negative[:, 1:])
        outscored = (negative[:, self._lower] + negative[:, self._no_higher]) / 2
        won: Floats = (positive * outscored).sum(axis=1) / (positive.sum(axis=1) * negative[:, -1])
        return won


def _interval(value: float, resampled: Floats, n: int) -> Interval:
    """Return the percentiles of what resampling gave, where it was defined.

    They are extended to the value itself: a calibration error of few resampled items is larger than that of all.
    """
    resampled = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(resampled):
        return Interval(math.nan, math.nan, math.nan, n)
    if np.ptp(resampled) <= EQUAL_WITHIN:
        return unanimous_interval(value, n)
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value, min(value, float(lo)), max(value, float(hi)), n)
