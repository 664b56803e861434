"""P-values of paired differences: a sign-flip test over problems, and Holm's correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttc.analysis.intervals import EQUAL_WITHIN, Outcomes, over_seeds

FLIPS = 10_000
_EXACT_UP_TO = 14  # problems that differ: 16,384 sign patterns
_ROWS = 1000  # random flips held at once


def paired_p_value(
    a: Outcomes | Sequence[Outcomes], b: Outcomes | Sequence[Outcomes], *, flips: int = FLIPS, seed: int = 0
) -> float:
    """Return the two-sided p-value of the mean of a - b over the problems that both have, joined by id.

    `a` and `b` are runs (strategies or selections), or several seeds of each. Seeds are first averaged per problem, so
    that a problem's results flip together, whatever the number of its seeds.

    Raises:
        ValueError: they share no problem.
    """
    left, right = over_seeds(a), over_seeds(b)
    shared = sorted(left.keys() & right.keys())  # sorted: the flips must not depend on the order of rows
    if not shared:
        raise ValueError("the two share no problem id")
    return sign_flip_p_value([left[id_] - right[id_] for id_ in shared], flips=flips, seed=seed)


def sign_flip_p_value(differences: ArrayLike, *, flips: int = FLIPS, seed: int = 0) -> float:
    """Return the two-sided p-value of the mean of paired `differences`, one per problem.

    Were there no difference, each sign would be as likely as the other: p is the share of sign patterns whose mean is
    at least as far from 0. Exact where at most 14 problems differ (for single runs, that is the exact McNemar test),
    otherwise from random patterns: (1 + those as extreme) / (1 + flips), which is never 0 (Phipson and Smyth 2010).
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.abs(values) > EQUAL_WITHIN]  # equal results have no sign
    n = len(values)
    observed = abs(values.sum()) - EQUAL_WITHIN
    if n <= _EXACT_UP_TO:
        patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1  # (patterns, n)
        return float(np.mean(_flipped_sums(patterns, values) >= observed))
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, flips, _ROWS):
        patterns = rng.integers(0, 2, size=(min(_ROWS, flips - start), n))
        extreme += int(np.count_nonzero(_flipped_sums(patterns, values) >= observed))
    return (1 + extreme) / (1 + flips)


def _flipped_sums(patterns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |sum| of the values with the signs of each pattern: (patterns,)."""
    sums: NDArray[np.float64] = np.abs(values.sum() - 2 * (patterns @ values))
    return sums


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for each other: the smallest times m, the next times m - 1, .. (Holm 1979).

    With 0.05 as the limit, the probability of even one false discovery among all of them is at most 5%.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
