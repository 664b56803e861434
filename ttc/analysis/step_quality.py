"""How good a verifier is at each step, on solutions whose steps are rated: first errors, ranking and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.cluster_bootstrap import Floats, auc, auc_interval, numbered, ratio_interval, summed
from ttc.analysis.first_error import Attempt, Curve, FirstErrors, FirstErrorScore
from ttc.analysis.intervals import Interval
from ttc.analysis.rated_steps import RatedSteps, ScoredSteps, values_by_position
from ttc.analysis.verifier_quality import RELIABILITY_BINS, ReliabilityBin, reliability

__all__ = ["FirstErrorQuality", "Measure", "ScoredSteps", "StepQuality", "measure_steps"]

THRESHOLD = 0.5
CURVE_THRESHOLDS = 1 / (1 + np.exp(-np.linspace(-8, 8, 321)))  # many values are close to 0 or 1


@dataclass(frozen=True, slots=True)
class Measure:
    """A statistic with its 95% interval.

    Attributes:
        value: with the interval.
        chance: what a verifier gets that knows nothing; None where that says nothing.
        position: what a verifier gets that reads nothing: its values fall with the index of the step. None where its
            values are no probabilities.
    """

    value: Interval
    chance: float | None = None
    position: float | None = None


@dataclass(frozen=True, slots=True)
class FirstErrorQuality:
    """ProcessBench's measures.

    Attributes:
        n_wrong: solutions with a wrong step.
        n_correct: solutions without one.
        fixed: at the threshold 0.5.
        cross_fitted: at the threshold that is best on the other half of the problems; None where a half lacks wrong or
            correct solutions.
        position: the same for values that fall with the index of the step.
        chance: accuracy on wrong and correct solutions, and F1, of choosing among the steps and "none" at random.
        curve: by threshold.
    """

    n_wrong: int
    n_correct: int
    fixed: FirstErrorScore
    cross_fitted: FirstErrorScore | None
    position: FirstErrorScore | None
    chance: tuple[float, float, float]
    curve: Curve


@dataclass(frozen=True)
class StepQuality:
    """All measures.

    Attributes:
        n_solutions: that are measured.
        n_problems: that these answer: distinct questions.
        n_steps: rated ones.
        n_wrong_steps: of these.
        n_left_out: solutions that exceed the verifier's context; no measure counts them.
        first_errors: None where no solution is labelled to its first error, or all or none of these have one.
        measures: ranking and calibration, by name.
        reliability: the reliability diagram over rated steps.
        shares: of each bin of the diagram: the share of its steps that is correct.
    """

    n_solutions: int
    n_problems: int
    n_steps: int
    n_wrong_steps: int
    n_left_out: int
    first_errors: FirstErrorQuality | None
    measures: dict[str, Measure]
    reliability: list[ReliabilityBin]
    shares: list[Interval]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return asdict(self)


def measure_steps(scored: Sequence[ScoredSteps], *, seed: int = 0) -> StepQuality:
    """Measure a verifier; `seed` is that of the intervals.

    Raises:
        ValueError: no solution is whole.
    """
    whole = [found for found in scored if not found.partial_scores]
    if not whole:
        raise ValueError("no solution was read to its end")
    steps = RatedSteps(whole)
    return StepQuality(
        n_solutions=len(whole),
        n_problems=len({found.solution.question for found in whole}),
        n_steps=len(steps.values),
        n_wrong_steps=int((~steps.correct).sum()),
        n_left_out=len(scored) - len(whole),
        first_errors=_first_errors(whole, seed),
        measures=_ranking(whole, steps, seed) | _calibration(steps, seed),
        reliability=reliability(steps.values, steps.correct.astype(np.float64)),
        shares=_shares(steps, seed),
    )


def _first_errors(scored: Sequence[ScoredSteps], seed: int) -> FirstErrorQuality | None:
    attempts = [
        Attempt(found.solution.question, found.all_values, found.solution.first_error)
        for found in scored
        if found.solution.is_labelled_to_first_error
    ]
    n_wrong = sum(attempt.first_error is not None for attempt in attempts)
    if n_wrong in (0, len(attempts)):
        return None
    found = FirstErrors(attempts)
    unread = FirstErrors(
        [
            Attempt(a.question, tuple(values_by_position(np.arange(len(a.values))).tolist()), a.first_error)
            for a in attempts
        ]
    )
    return FirstErrorQuality(
        n_wrong=n_wrong,
        n_correct=len(attempts) - n_wrong,
        fixed=found.at(THRESHOLD, seed=seed),
        cross_fitted=found.cross_fitted(seed=seed),
        position=unread.cross_fitted(seed=seed),
        chance=found.guess(),
        curve=found.curve(CURVE_THRESHOLDS),
    )


def _ranking(scored: Sequence[ScoredSteps], steps: RatedSteps, seed: int) -> dict[str, Measure]:
    """Return the AUCs, each where it is defined."""
    measures = {}
    if 0 < steps.correct.sum() < len(steps.correct):
        value = auc_interval(steps.values, steps.correct, steps.problem, seed=seed)
        measures["AUC, correct against wrong steps"] = Measure(value, 0.5, auc(steps.by_position, steps.correct))
    within = _within(steps, steps.values)
    if len(within):
        value = ratio_interval(within, lambda s: s[..., 0] / s[..., 1], seed=seed)
        total, count = _within(steps, steps.by_position).sum(axis=0)
        measures["AUC within a solution"] = Measure(value, 0.5, float(total / count))
    known = [found for found in scored if found.solution.is_labelled_to_first_error]
    correct = np.array([found.solution.first_error is None for found in known], dtype=bool)
    if 0 < correct.sum() < len(correct):
        lowest = np.array([min(found.all_values) for found in known])
        problems = numbered([found.solution.question for found in known])
        value = auc_interval(lowest, correct, problems, seed=seed)
        lengths = np.array([len(found.values) for found in known])
        chance = _chance_of_lowest(lengths[correct], lengths[~correct])
        shorter = auc(values_by_position(lengths - 1), correct)
        measures["AUC, correct against wrong solutions"] = Measure(value, chance, shorter)
    return measures


def _chance_of_lowest(correct: NDArray[np.int64], wrong: NDArray[np.int64]) -> float:
    """Return P(a correct solution has the higher lowest value) where all values are drawn independently.

    The lowest of the two solutions' a + b values is then one of the wrong solution's b with probability b/(a + b): the
    AUC of noise is below 0.5 where correct solutions are the longer ones.
    """
    (a, correct_counts), (b, wrong_counts) = (np.unique(lengths, return_counts=True) for lengths in (correct, wrong))
    pairs = np.outer(correct_counts, wrong_counts)
    return float((pairs * b / np.add.outer(a, b)).sum() / pairs.sum())


def _within(steps: RatedSteps, values: Floats) -> Floats:
    """Return the sum of the AUCs of a problem's solutions, and how many have one: (problems with one, 2)."""
    ends = np.flatnonzero(np.diff(steps.solution)) + 1
    rows, problems = [], []
    for own, correct, problem in zip(*(np.split(a, ends) for a in (values, steps.correct, steps.problem)), strict=True):
        if 0 < correct.sum() < len(correct):
            rows.append((auc(own, correct), 1.0))
            problems.append(problem[0])
    if not rows:
        return np.zeros((0, 2))
    return summed(np.array(rows), np.unique(problems, return_inverse=True)[1])


def _calibration(steps: RatedSteps, seed: int) -> dict[str, Measure]:
    """Return Brier score and expected calibration error (Guo et al. 2017) over rated steps."""
    values, correct = steps.values, steps.correct.astype(np.float64)
    ones = np.ones((len(values), 1))
    squares = summed(np.concatenate([((values - correct) ** 2)[:, None], ones], axis=1), steps.problem)
    gaps = summed(np.concatenate([_bins(values) * (values - correct)[:, None], ones], axis=1), steps.problem)
    rate = float(correct.mean())
    return {
        "Brier score": Measure(ratio_interval(squares, lambda s: s[..., 0] / s[..., 1], seed=seed), rate * (1 - rate)),
        "calibration error": Measure(
            ratio_interval(gaps, lambda s: np.abs(s[..., :-1]).sum(axis=-1) / s[..., -1], seed=seed)
        ),
    }


def _shares(steps: RatedSteps, seed: int) -> list[Interval]:
    """Return the share of correct steps in each bin that has any."""
    shares = []
    for member in _bins(steps.values).T:
        if member.any():
            sums = summed(np.stack([member * steps.correct, member], axis=1), steps.problem)
            shares.append(ratio_interval(sums[sums[:, 1] > 0], lambda s: s[..., 0] / s[..., 1], seed=seed))
    return shares


def _bins(values: Floats) -> Floats:
    """Return which bin of the reliability diagram each value is in, one-hot: (values, bins)."""
    numbers = np.minimum((values * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)
    bins: Floats = np.eye(RELIABILITY_BINS)[numbers]
    return bins
