"""95% intervals over problems: a seeded percentile bootstrap, and Wilson's bound where all problems agree.

Problems are the clusters: the results of a problem's seeds are averaged, and problems are drawn with replacement, so
that all seeds of a problem move together. More seeds make a result less noisy; they do not count as more problems.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 4000
LEVEL = 0.95
EQUAL_WITHIN = 1e-9  # means over seeds of equal outcomes differ by rounding
SHARES = (0.0, 1.0)
DIFFERENCES = (-1.0, 1.0)
_CELLS = 2**19  # resample counts held at once, whatever the number of problems: 4 MB, and as much for each copy

Outcomes = Mapping[str, float]
"""One result per problem, by problem id: in [0, 1], or in [-1, 1] for a difference."""

Bounds = tuple[float, float]
"""The smallest and the largest value that a problem's result can take."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` problems with its 95% interval."""

    mean: float
    lo: float
    hi: float
    n: int


def intervals(
    values: ArrayLike,
    *,
    bounds: Bounds = SHARES,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> list[Interval]:
    """Return the mean of each column of `values` (problems, columns) with its interval.

    All columns are resampled with the same problems. Where the values of a column are all equal, resampling would give
    an interval of width 0; `unanimous_interval` takes its place.

    Raises:
        ValueError: no problems.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not len(matrix):
        raise ValueError(f"values must be (problems >= 1, columns), not {matrix.shape}")
    tail = (1 - level) / 2
    lo, hi = np.quantile(_resampled_means(matrix, resamples, seed), [tail, 1 - tail], axis=0)
    columns = zip(matrix.mean(axis=0), lo, hi, np.ptp(matrix, axis=0), strict=True)
    return [
        Interval(float(mean), float(low), float(high), len(matrix))
        if spread > EQUAL_WITHIN
        else unanimous_interval(float(mean), len(matrix), bounds, level)
        for mean, low, high, spread in columns
    ]


def unanimous_interval(value: float, n: int, bounds: Bounds = SHARES, level: float = LEVEL) -> Interval:
    """Return the interval of a mean to which all `n` problems contribute the same `value`.

    Up to a share z²/(n + z²) of all problems (Wilson's upper limit for 0 of n) may differ from those seen, as far as
    the bounds allow. For 0 of n and n of n correct answers this is Wilson's score interval.
    """
    z = _quantile(level)
    share = z * z / (n + z * z)
    low, high = bounds
    return Interval(value, value - share * (value - low), value + share * (high - value), n)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a proportion (Wilson 1927)."""
    z = _quantile(LEVEL)
    middle, spread = successes + z * z / 2, z * math.sqrt(successes * (n - successes) / n + z * z / 4)
    return max(0.0, (middle - spread) / (n + z * z)), min(1.0, (middle + spread) / (n + z * z))


def _quantile(level: float) -> float:
    """Return the normal quantile of a two-sided interval: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def interval(
    runs: Outcomes | Sequence[Outcomes],
    *,
    bounds: Bounds = SHARES,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the mean over problems with its interval.

    Several runs (seeds) are first averaged per problem: a cluster bootstrap, whose clusters are the problems.
    """
    outcomes = over_seeds(runs)
    column = [[outcomes[id_]] for id_ in sorted(outcomes)]  # sorted: resamples must not depend on the order of rows
    return intervals(column, bounds=bounds, resamples=resamples, level=level, seed=seed)[0]


def paired_difference(
    a: Outcomes | Sequence[Outcomes],
    b: Outcomes | Sequence[Outcomes],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the mean of a - b over the problems that both have, joined by id, with its paired interval.

    `a` and `b` are runs (strategies or selections), or several seeds of each, which are averaged per problem.

    Raises:
        ValueError: they share no problem.
    """
    left, right = over_seeds(a), over_seeds(b)
    shared = left.keys() & right.keys()
    if not shared:
        raise ValueError("the two share no problem id")
    differences = {id_: left[id_] - right[id_] for id_ in shared}
    return interval(differences, bounds=DIFFERENCES, resamples=resamples, level=level, seed=seed)


def over_seeds(runs: Outcomes | Sequence[Outcomes]) -> dict[str, float]:
    """Average several runs problem by problem, over the problems that all of them have."""
    if isinstance(runs, Mapping):
        return dict(runs)
    if not runs:
        raise ValueError("no runs to average")
    shared = set(runs[0]).intersection(*runs[1:])
    return {id_: sum(run[id_] for run in runs) / len(runs) for id_ in shared}


def _resampled_means(matrix: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the means over problems drawn with replacement: (resamples, columns)."""
    n = len(matrix)
    return np.concatenate([counts @ matrix / n for counts in resample_counts(n, resamples=resamples, seed=seed)])


def resample_counts(
    n: int, *, resamples: int = RESAMPLES, seed: int = 0, width: int = 0
) -> Iterator[NDArray[np.int64]]:
    """Yield how often each of `n` problems was drawn in each resample, in blocks of (resamples, problems).

    `width` is how many numbers per resample the caller computes from the counts, where these are more than `n`: blocks
    are so small that theirs fit into memory, too.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // max(n, width))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        draws = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        # One matrix product with the counts then serves every column.
        yield np.bincount(draws.ravel(), minlength=rows * n).reshape(rows, n)
