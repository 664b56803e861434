"""What one more sample of a problem is worth, predicted from its first samples (its probes) without gold answers.

Two predictors, both in the spirit of Damani et al. 2024 (arXiv 2410.04707):

- `beta_predictions` takes the verifier's values for probabilities and predicts coverage, the chance that a correct
  sample is among those drawn. It needs nothing but the probes.
- `LearnedCurves` predicts accuracy: it looks up how accuracy grew with the budget on other problems, with gold answers,
  whose probes had similar values.

The gains of a problem never rise with its budget, so that spending greedily is optimal.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, aggregate

Floats = NDArray[np.float64]
NEIGHBOURS = 20  # the fewest problems that a learned curve is averaged over
_STRENGTHS = (0.1, 1000.0)  # of a prior: below, every problem is solved always or never; above, all are alike
_STRENGTH_OF_ONE_PROBE = 1.0  # which cannot tell how problems differ from how samples do; that of Jeffreys' prior


class Prediction(ABC):
    """What is expected of one problem: a value in [0, 1] with its probes alone, and the gain of each further sample."""

    @property
    @abstractmethod
    def value(self) -> float:
        """The expected result with the probes alone."""

    @abstractmethod
    def gains(self) -> Iterator[float]:
        """Yield the gain of each further sample, never rising; ends where nothing is known of more samples."""

    def after(self, samples: int) -> float:
        """Return the expected result with `samples` more than the probes."""
        return self.value + math.fsum(islice(self.gains(), samples))


@dataclass(frozen=True)
class BetaPrior:
    """A Beta(a, b) distribution of problems' success probabilities."""

    a: float
    b: float

    @classmethod
    def fitted(cls, probes: Sequence[Sequence[float]]) -> BetaPrior:
        """Fit by moments to the values of all problems' probes (empirical Bayes).

        The variance between problems is what the variance of their means has above that of the mean of as many samples
        of one problem (one-way analysis of variance).
        """
        scored = [values for values in probes if len(values)]
        flat = [value for values in scored for value in values]
        mean = (math.fsum(flat) + 0.5) / (len(flat) + 1)  # never 0 or 1
        repeated = [values for values in scored if len(values) > 1]
        if len(repeated) < 2:
            strength = _STRENGTH_OF_ONE_PROBE
        else:
            within = np.mean([np.var(values, ddof=1) / len(values) for values in repeated])
            between = float(np.var([np.mean(values) for values in repeated], ddof=1) - within)
            strength = mean * (1 - mean) / between - 1 if between > 0 else math.inf
        strength = min(max(strength, _STRENGTHS[0]), _STRENGTHS[1])
        return cls(mean * strength, (1 - mean) * strength)


@dataclass(frozen=True)
class BetaPrediction(Prediction):
    """Coverage: P(some of the samples is correct), where success probabilities are distributed as `prior`.

    The probes are kept, so that further samples help only where no probe is correct. With the values v as probabilities
    that has probability prod(1 - v); then m further samples are all wrong, too, with probability
    E[(1 - p)^m] = B(a, b + P + m) / B(a, b + P), p ~ Beta(a, b + P).
    """

    prior: BetaPrior
    probes: tuple[float, ...]

    @property
    def value(self) -> float:
        return 1 - math.prod(1 - value for value in self.probes)

    def gains(self) -> Iterator[float]:
        wrong = 1 - self.value
        for samples in count(len(self.probes)):
            gain = wrong * self.prior.a / (self.prior.a + self.prior.b + samples)
            yield gain
            wrong -= gain


def beta_predictions(probes: Mapping[str, Sequence[float]]) -> dict[str, Prediction]:
    """Predict coverage for every problem by its id, from the values in [0, 1] of its probes."""
    prior = BetaPrior.fitted([*probes.values()])
    return {id_: BetaPrediction(prior, tuple(values)) for id_, values in probes.items()}


@dataclass(frozen=True)
class CurvePrediction(Prediction):
    """A result for each number of samples from the probes on: non-decreasing and concave."""

    curve: tuple[float, ...]

    @property
    def value(self) -> float:
        return self.curve[0]

    def gains(self) -> Iterator[float]:
        # The differences of a concave curve can rise by rounding.
        lowest = math.inf
        for less, more in pairwise(self.curve):
            lowest = min(lowest, more - less)
            yield max(0.0, lowest)


@dataclass(frozen=True)
class LearnedCurves:
    """How accuracy grew with the budget on problems whose gold answers are known.

    Attributes:
        means: the mean value of each problem's probes, (problems,).
        curves: accuracy in [0, 1] with 0, 1, ... samples more than the probes, (problems, budgets).
    """

    means: Floats
    curves: Floats

    def predict(self, mean: float) -> CurvePrediction:
        """Return the curve of a problem by the mean value of its probes.

        It is the concave majorant of the mean over the nearest tenth of the problems, at least 20.
        """
        nearest = np.argsort(np.abs(self.means - mean), kind="stable")[: max(NEIGHBOURS, len(self.means) // 10)]
        return CurvePrediction(tuple(map(float, concave_majorant(self.curves[nearest].mean(axis=0)))))


def concave_majorant(curve: Floats) -> Floats:
    """Return the lowest non-decreasing concave curve that is nowhere below `curve`, (points,)."""
    corners: list[tuple[int, float]] = []
    for x, y in enumerate(np.maximum.accumulate(curve)):
        while len(corners) > 1 and _is_below(corners[-1], corners[-2], (x, float(y))):
            corners.pop()
        corners.append((x, float(y)))
    found: Floats = np.interp(np.arange(len(curve)), [x for x, _ in corners], [y for _, y in corners])
    return found


def _is_below(middle: tuple[int, float], left: tuple[int, float], right: tuple[int, float]) -> bool:
    """Return whether a point is on or below the line between its neighbours."""
    rise, run = right[1] - left[1], right[0] - left[0]
    return (middle[1] - left[1]) * run <= rise * (middle[0] - left[0])


def probe_values(record: ProblemRecord, probes: int, aggregation: Aggregation) -> tuple[float, ...]:
    """Return the verifier's values in [0, 1] of a problem's first `probes` samples.

    A sample without an answer has 0, whatever the verifier says; one that was not scored is left out.
    """
    values = []
    for candidate in record.candidates[:probes]:
        score = aggregate(candidate.values, aggregation) if candidate.values else math.nan
        if candidate.answer is None:
            values.append(0.0)
        elif not math.isnan(score):
            values.append(score)
    return tuple(values)
