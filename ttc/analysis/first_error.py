"""Finding the first wrong step of a solution, as ProcessBench measures it (Zheng et al. 2024, arXiv 2412.06559).

The predicted step is the first whose value is below a threshold; where none is, the solution is predicted correct. The
accuracy is measured apart on wrong solutions, where the predicted step must be the first wrong one, and on correct
solutions; F1 is their harmonic mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.cluster_bootstrap import Floats, numbered, ratio_interval, summed
from ttc.analysis.intervals import Interval
from ttc.hashing import digest


@dataclass(frozen=True, slots=True)
class Attempt:
    """A solution that is labelled to its first error, with the verifier's values.

    Attributes:
        question: that it answers.
        values: of all of its steps.
        first_error: the index of the first wrong step; None for a correct solution.
    """

    question: str
    values: tuple[float, ...]
    first_error: int | None


@dataclass(frozen=True, slots=True)
class FirstErrorScore:
    """Accuracy on wrong and on correct solutions, and F1; `thresholds` is the one in use, or that of each half."""

    thresholds: tuple[float, ...]
    wrong: Interval
    correct: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy on wrong and on correct solutions, and F1, by threshold."""

    thresholds: tuple[float, ...]
    wrong: tuple[float, ...]
    correct: tuple[float, ...]
    f1: tuple[float, ...]


class FirstErrors:
    """Solutions of both kinds, as the thresholds at which the verifier's prediction is right: those in (low, high].

    Attributes:
        wrong: whether each solution has a wrong step.
        half: 0 or 1 for each solution, by a digest of its question: all solutions of a problem are in one half.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.wrong = np.array([a.first_error is not None for a in attempts], dtype=bool)
        self.half = np.array([digest(a.question)[0] & 1 for a in attempts], dtype=np.int64)
        spans = [_span(attempt) for attempt in attempts]
        self._low, self._high = np.array(spans, dtype=np.float64).reshape(-1, 2).T
        self._problem = numbered([a.question for a in attempts])
        self._guess = np.array([1 / (len(a.values) + 1) for a in attempts])

    def at(self, threshold: float, *, seed: int = 0) -> FirstErrorScore:
        """Return the accuracies at a threshold."""
        return self._scored((threshold,), np.full(len(self.wrong), threshold), seed)

    def cross_fitted(self, *, seed: int = 0) -> FirstErrorScore | None:
        """Return the accuracies of each half of the problems at the threshold with the best F1 on the other half.

        The intervals take both thresholds as given. None where a half lacks wrong or correct solutions.
        """
        if any(len(set(self.wrong[self.half == half])) < 2 for half in (0, 1)):
            return None
        thresholds = tuple(self._best_threshold(self.half != half) for half in (0, 1))
        return self._scored(thresholds, np.array(thresholds)[self.half], seed)

    def guess(self) -> tuple[float, float, float]:
        """Return the expected accuracies, and their F1, of choosing among the n steps and "none" with equal odds."""
        wrong, correct = float(self._guess[self.wrong].mean()), float(self._guess[~self.wrong].mean())
        return wrong, correct, float(f1_of(np.array([wrong, correct])))

    def curve(self, thresholds: Floats) -> Curve:
        """Return the accuracies at each threshold."""
        shares = self._shares(thresholds, np.ones(len(self.wrong), dtype=bool))
        return Curve(*(tuple(map(float, column)) for column in (thresholds, *shares.T, f1_of(shares))))

    def _best_threshold(self, chosen: NDArray[np.bool_]) -> float:
        """Return the middle of the first range of thresholds with the best F1 on the chosen solutions."""
        edges = np.unique(np.concatenate([self._low[chosen], self._high[chosen]]))
        edges = edges[np.isfinite(edges)]  # between two edges, no prediction changes
        middles = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2])
        return float(middles[np.argmax(f1_of(self._shares(middles, chosen)))])

    def _shares(self, thresholds: Floats, chosen: NDArray[np.bool_]) -> Floats:
        """Return the accuracies on wrong and on correct solutions among the chosen ones: (thresholds, 2)."""
        shares = []
        for kind in (self.wrong, ~self.wrong):
            # Where low >= high, no threshold is right; such a solution would be subtracted twice.
            span = chosen & kind & (self._low < self._high)
            above_low, above_high = (
                np.searchsorted(np.sort(bound[span]), thresholds, "left") for bound in (self._low, self._high)
            )
            shares.append((above_low - above_high) / (chosen & kind).sum())
        return np.stack(shares, axis=1)

    def _scored(self, thresholds: tuple[float, ...], applied: Floats, seed: int) -> FirstErrorScore:
        """Return the accuracies where each solution has its own threshold."""
        hit = (self._low < applied) & (applied <= self._high)
        columns = np.stack([hit & self.wrong, self.wrong, hit & ~self.wrong, ~self.wrong], axis=1).astype(np.float64)
        sums = summed(columns, self._problem)
        with_wrong, with_correct = sums[sums[:, 1] > 0], sums[sums[:, 3] > 0]
        wrong = ratio_interval(with_wrong, lambda s: s[..., 0] / s[..., 1], seed=seed)
        correct = ratio_interval(with_correct, lambda s: s[..., 2] / s[..., 3], seed=seed)
        f1 = ratio_interval(sums, lambda s: f1_of(s[..., [0, 2]] / s[..., [1, 3]]), seed=seed)
        if f1.mean in (0, 1):  # as in every resample, which says nothing: the bounds of the two accuracies do
            lo, hi = (float(f1_of(np.array(bounds))) for bounds in ((wrong.lo, correct.lo), (wrong.hi, correct.hi)))
            f1 = Interval(f1.mean, lo, hi, f1.n)
        return FirstErrorScore(thresholds, wrong, correct, f1)


def _span(attempt: Attempt) -> tuple[float, float]:
    """Return (low, high]: the thresholds at which the prediction for this solution is right."""
    if attempt.first_error is None:
        return -math.inf, min(attempt.values)
    return attempt.values[attempt.first_error], min(attempt.values[: attempt.first_error], default=math.inf)


def f1_of(shares: Floats) -> Floats:
    """Return the harmonic mean of two accuracies: (..., 2) to (...); 0 where both are 0."""
    total = shares.sum(axis=-1)
    f1: Floats = 2 * shares.prod(axis=-1) / np.where(total == 0, 1, total)
    return f1
