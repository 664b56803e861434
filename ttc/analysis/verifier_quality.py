"""How good a verifier is before any search is run: calibration, ranking, and the accuracy of choosing by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ttc.analysis.intervals import Interval, Outcomes, interval, intervals
from ttc.analysis.subsample import subsampled
from ttc.grading import classes_by_structure
from ttc.terminal import percent_with_error, plain_table

RELIABILITY_BINS = 10

Curves = dict[str, dict[int, tuple[float, float, float]]]
"""(accuracy, lo, hi) by selection and N."""


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """A sampled solution with its answer and outcome, and the verifier's score of it in [0, 1]."""

    problem_id: str
    answer: str | None
    correct: bool
    score: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The solutions whose scores lie in [low, high): their mean score, and the share of them that is correct."""

    low: float
    high: float
    n: int
    score: float
    correct: float


@dataclass(frozen=True)
class VerifierQuality:
    """Calibration and ranking; `curves` holds (accuracy, lo, hi) by selection and N: 95% intervals over problems.

    Attributes:
        auc: see `problem_aucs`; None where no problem has correct and wrong solutions.
    """

    n_solutions: int
    n_problems: int
    bce: float
    calibration_error: float
    auc: Interval | None
    reliability: list[ReliabilityBin]
    curves: Curves

    def line(self) -> str:
        """Return the few numbers to watch during a training."""
        last = {name: [*curve.values()][-1][0] for name, curve in self.curves.items()}
        auc = math.nan if self.auc is None else self.auc.mean
        numbers = {"auc": auc, "bce": self.bce, "calibration error": self.calibration_error, **last}
        return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        names = ("n_solutions", "n_problems", "bce", "calibration_error")
        bins = [{name: getattr(b, name) for name in b.__dataclass_fields__} for b in self.reliability]
        curves = {
            name: {str(n): {"accuracy": mean, "ci95": [lo, hi]} for n, (mean, lo, hi) in curve.items()}
            for name, curve in self.curves.items()
        }
        numbers = {name: getattr(self, name) for name in names}
        return numbers | {"ranking": ranking_to_json(self.auc), "reliability": bins, "curves": curves}


def measure_quality(solutions: Sequence[ScoredSolution], samples: int, *, seed: int = 0) -> VerifierQuality:
    """Measure a verifier on `samples` independent solutions per problem (those without an answer may be left out)."""
    scores = np.array([s.score for s in solutions])
    correct = np.array([s.correct for s in solutions], dtype=np.float64)
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    bins = reliability(scores, correct)
    return VerifierQuality(
        n_solutions=len(solutions),
        n_problems=len({s.problem_id for s in solutions}),
        bce=float(-(correct * np.log(clipped) + (1 - correct) * np.log(1 - clipped)).mean()),
        calibration_error=sum(b.n * abs(b.score - b.correct) for b in bins) / len(solutions),
        auc=within_problem_auc(solutions, seed=seed),
        reliability=bins,
        curves=_curves(solutions, samples, seed),
    )


def reliability(
    scores: NDArray[np.float64], correct: NDArray[np.float64], bins: int = RELIABILITY_BINS
) -> list[ReliabilityBin]:
    """Return the reliability diagram: bins of equal width over [0, 1], empty ones left out (Guo et al. 2017)."""
    numbers = np.minimum((scores * bins).astype(np.int64), bins - 1)
    return [
        ReliabilityBin(
            k / bins, (k + 1) / bins, int(mask.sum()), float(scores[mask].mean()), float(correct[mask].mean())
        )
        for k in range(bins)
        if (mask := numbers == k).any()
    ]


def within_problem_auc(solutions: Sequence[ScoredSolution], *, seed: int = 0) -> Interval | None:
    """Return the mean over problems of `problem_aucs` with its 95% interval; None when no problem has one."""
    aucs = problem_aucs(solutions)
    return interval(aucs, seed=seed) if aucs else None


def problem_aucs(solutions: Sequence[ScoredSolution]) -> Outcomes:
    """Return P(a correct solution outscores a wrong one) by problem; ties count half.

    Problems whose solutions are all correct or all wrong are left out.
    """
    aucs = {}
    for members in _by_problem(solutions):
        good = np.array([s.score for s in members if s.correct])
        wrong = np.array([s.score for s in members if not s.correct])
        if len(good) and len(wrong):
            difference = np.subtract.outer(good, wrong)
            aucs[members[0].problem_id] = float((difference > 0).mean() + 0.5 * (difference == 0).mean())
    return aucs


def ranking_to_json(found: Interval | None) -> dict[str, Any] | None:
    """Return a within-problem AUC as plain JSON values."""
    return None if found is None else {"auc": found.mean, "ci95": [found.lo, found.hi], "problems": found.n}


def auc_in_words(found: Interval | None) -> str:
    """Format it for people, e.g. `0.62 [0.55, 0.69], 37 problems`."""
    if found is None:
        return "unknown: no problem has correct and wrong solutions"
    return f"{found.mean:.2f} [{found.lo:.2f}, {found.hi:.2f}], {found.n} problems"


def _curves(
    solutions: Sequence[ScoredSolution], samples: int, seed: int
) -> dict[str, dict[int, tuple[float, float, float]]]:
    """Return the accuracy of every selection at N = 1, 2, 4, .. from subsets of the samples."""
    budgets = sorted({2**k for k in range(samples.bit_length()) if 2**k <= samples} | {samples})
    found = [_estimated(members, samples, budgets, seed) for members in _by_problem(solutions)]
    curves = {}
    for name in found[0]:
        cells = intervals(np.array([estimate[name] for estimate in found]), seed=seed)
        curves[name] = {n: (cell.mean, cell.lo, cell.hi) for n, cell in zip(budgets, cells, strict=True)}
    return curves


def _estimated(
    members: Sequence[ScoredSolution], samples: int, budgets: Sequence[int], seed: int
) -> dict[str, NDArray[np.float64]]:
    missing = samples - len(members)  # samples without an answer, which are never chosen
    classes = classes_by_structure(s.answer for s in members if s.answer is not None)
    groups = [None if s.answer is None else classes[s.answer] for s in members] + [None] * missing
    scores = [s.score for s in members] + [math.nan] * missing
    return subsampled(groups, scores, [s.correct for s in members] + [False] * missing, budgets, seed=seed)


def _by_problem(solutions: Sequence[ScoredSolution]) -> list[list[ScoredSolution]]:
    ordered = sorted(solutions, key=lambda s: s.problem_id)
    return [list(members) for _, members in groupby(ordered, key=lambda s: s.problem_id)]


def show_quality(found: VerifierQuality, console: Console | None = None) -> None:
    """Print the numbers, the best-of-N curves and the reliability table."""
    console = console or Console(highlight=False)
    console.print(
        f"{found.n_solutions:,} solutions of {found.n_problems} problems: BCE {found.bce:.3f}, calibration error "
        f"{found.calibration_error:.3f}\nwithin-problem AUC {auc_in_words(found.auc)}"
    )
    curves = plain_table("N", right=tuple(found.curves), title="accuracy, %")
    for n in next(iter(found.curves.values())):
        curves.add_row(str(n), *(percent_with_error(*curve[n]) for curve in found.curves.values()))
    console.print(curves)
    bins = plain_table("score", right=("n", "mean score", "correct"))
    for b in found.reliability:
        bins.add_row(f"{b.low:.1f} - {b.high:.1f}", f"{b.n:,}", f"{b.score:.3f}", f"{b.correct:.3f}")
    console.print(bins)


def draw_quality(found: VerifierQuality, path: Path) -> None:
    """Draw the reliability diagram and the best-of-N curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    largest = max(b.n for b in found.reliability)
    left.plot([b.score for b in found.reliability], [b.correct for b in found.reliability], color="#1b6ca8")
    left.scatter(
        [b.score for b in found.reliability],
        [b.correct for b in found.reliability],
        s=[12 + 120 * b.n / largest for b in found.reliability],
        color="#1b6ca8",
    )
    left.set(xlabel="verifier score", ylabel="share of correct solutions", title="calibration")
    for name, curve in found.curves.items():
        budgets = list(curve)
        right.plot(budgets, [100 * curve[n][0] for n in budgets], marker="o", markersize=3, label=name)
        right.fill_between(
            budgets, [100 * curve[n][1] for n in budgets], [100 * curve[n][2] for n in budgets], alpha=0.12
        )
    right.set_xscale("log", base=2)
    right.set(xlabel="N", ylabel="accuracy, %", title="validation problems")
    right.legend(frameon=False)
    figure.savefig(path, dpi=120)
