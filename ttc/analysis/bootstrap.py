"""Bootstrap intervals over problems: percentile, seeded, vectorised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 4000
LEVEL = 0.95
_CELLS = 2**19  # resample counts held at once, whatever the number of problems: 4 MB, and as much for each copy

Outcomes = Mapping[str, float]
"""One result a problem in [0, 1], by problem id."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` problems with its 95% percentile interval."""

    mean: float
    lo: float
    hi: float
    n: int


def intervals(values: ArrayLike, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0) -> list[Interval]:
    """Return the mean of each column of `values` (problems, columns) with its interval.

    All columns see the same resampled problems. Percentile method; a column of equal values has width 0, so a
    perfect score on few problems looks more certain than it is. Raises ValueError without problems.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not len(matrix):
        raise ValueError(f"values must be (problems >= 1, columns), not {matrix.shape}")
    tail = (1 - level) / 2
    lo, hi = np.quantile(_resampled_means(matrix, resamples, seed), [tail, 1 - tail], axis=0)
    columns = zip(matrix.mean(axis=0), lo, hi, strict=True)
    return [Interval(float(mean), float(low), float(high), len(matrix)) for mean, low, high in columns]


def interval(
    runs: Outcomes | Sequence[Outcomes], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Return the mean over problems with its interval; several runs (seeds) are averaged per problem first."""
    outcomes = over_seeds(runs)
    column = [[outcomes[id_]] for id_ in sorted(outcomes)]  # sorted: the draw must not hang on the order of rows
    return intervals(column, resamples=resamples, level=level, seed=seed)[0]


def paired_difference(
    a: Outcomes | Sequence[Outcomes],
    b: Outcomes | Sequence[Outcomes],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the mean of a - b over the problems that both have, joined by id, with its paired interval.

    `a` and `b` are runs (strategies or selections), or several seeds of each. ValueError when they share no problem.
    """
    left, right = over_seeds(a), over_seeds(b)
    shared = left.keys() & right.keys()
    if not shared:
        raise ValueError("the two share no problem id")
    return interval({id_: left[id_] - right[id_] for id_ in shared}, resamples=resamples, level=level, seed=seed)


def over_seeds(runs: Outcomes | Sequence[Outcomes]) -> dict[str, float]:
    """Average several runs problem by problem, over the problems that all of them have."""
    if isinstance(runs, Mapping):
        return dict(runs)
    if not runs:
        raise ValueError("no runs to average")
    shared = set(runs[0]).intersection(*runs[1:])
    return {id_: sum(run[id_] for run in runs) / len(runs) for id_ in shared}


def _resampled_means(matrix: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Means over problems drawn with replacement: (resamples, columns)."""
    rng = np.random.default_rng(seed)
    n = len(matrix)
    block = max(1, _CELLS // n)
    means = []
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        draws = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        # How often each problem was drawn, (rows, n): one matrix product then serves every column.
        counts = np.bincount(draws.ravel(), minlength=rows * n).reshape(rows, n)
        means.append(counts @ matrix / n)
    return np.concatenate(means)
