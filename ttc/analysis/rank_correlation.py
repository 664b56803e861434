"""Spearman's rank correlation, with a 95% interval by bootstrap over problems."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttc.analysis.intervals import LEVEL, RESAMPLES, Interval


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Return the correlation of two values' ranks, ties having their mean rank; NaN where all of one are equal."""
    places = _places(first), _places(second)
    return _rank_correlation(*places, np.ones(len(places[0])))


def spearman_interval(
    first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval | None:
    """Return the rank correlation of two values per problem, with its interval; None where all of one are equal.

    A resample draws problems with replacement, and ranks them again. One that draws only equal values, which happens
    with few problems, is left out.
    """
    places = _places(first), _places(second)
    n = len(places[0])
    found = _rank_correlation(*places, np.ones(n))
    if math.isnan(found):
        return None
    generator = np.random.default_rng(seed)
    drawn = [
        _rank_correlation(*places, np.bincount(generator.integers(0, n, n), minlength=n).astype(np.float64))
        for _ in range(resamples)
    ]
    tail = (1 - level) / 2
    lo, hi = np.nanquantile(drawn, [tail, 1 - tail])
    return Interval(found, float(lo), float(hi), n)


def _places(values: ArrayLike) -> NDArray[np.int64]:
    """Return each value's place among the distinct values."""
    _, places = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True)
    return places.astype(np.int64)


def _rank_correlation(first: NDArray[np.int64], second: NDArray[np.int64], counts: NDArray[np.float64]) -> float:
    """Return Pearson's correlation of the ranks where the n-th problem was drawn `counts[n]` times."""
    a, b = _centred_ranks(first, counts), _centred_ranks(second, counts)
    spread = math.sqrt(float(counts @ (a * a)) * float(counts @ (b * b)))
    return float(counts @ (a * b)) / spread if spread > 0 else math.nan


def _centred_ranks(places: NDArray[np.int64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    ties = np.bincount(places, weights=counts)
    ranks: NDArray[np.float64] = (np.cumsum(ties) - (ties - 1) / 2)[places]
    ranks -= (float(counts.sum()) + 1) / 2
    return ranks
