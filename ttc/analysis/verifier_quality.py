"""How good is a verifier, before any search is run: calibration, ranking, and what choosing by it would give."""

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
from rich.table import Table

from ttc.analysis.bootstrap import intervals
from ttc.analysis.subsample import subsampled
from ttc.grading import normalize_answer

RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A sampled solution with its answer and outcome, and the verifier's score of it in [0, 1]."""

    problem_id: str
    answer: str | None
    right: bool
    score: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The solutions whose scores lie in [low, high): their mean score, and the share of them that is right."""

    low: float
    high: float
    n: int
    score: float
    right: float


@dataclass(frozen=True)
class Quality:
    """What `quality` found; `curves` hold (accuracy, lo, hi) by selection and N, with 95% intervals over problems."""

    n_solutions: int
    n_problems: int
    bce: float
    calibration_error: float
    auc_within_problem: float
    reliability: list[ReliabilityBin]
    curves: dict[str, dict[int, tuple[float, float, float]]]

    def line(self) -> str:
        """The few numbers to watch during a training."""
        last = {name: [*curve.values()][-1][0] for name, curve in self.curves.items()}
        numbers = {"auc": self.auc_within_problem, "bce": self.bce, "calibration error": self.calibration_error, **last}
        return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        bins = [{name: getattr(b, name) for name in b.__dataclass_fields__} for b in self.reliability]
        curves = {
            name: {str(n): {"accuracy": mean, "ci95": [lo, hi]} for n, (mean, lo, hi) in curve.items()}
            for name, curve in self.curves.items()
        }
        return fields | {"reliability": bins, "curves": curves}


def quality(judged: Sequence[Judged], samples: int, *, seed: int = 0) -> Quality:
    """Measure a verifier on `samples` independent solutions a problem (those without an answer may be left out)."""
    scores = np.array([j.score for j in judged])
    right = np.array([j.right for j in judged], dtype=np.float64)
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    bins = reliability(scores, right)
    return Quality(
        n_solutions=len(judged),
        n_problems=len({j.problem_id for j in judged}),
        bce=float(-(right * np.log(clipped) + (1 - right) * np.log(1 - clipped)).mean()),
        calibration_error=sum(b.n * abs(b.score - b.right) for b in bins) / len(judged),
        auc_within_problem=within_problem_auc(judged),
        reliability=bins,
        curves=_curves(judged, samples, seed),
    )


def reliability(
    scores: NDArray[np.float64], right: NDArray[np.float64], bins: int = RELIABILITY_BINS
) -> list[ReliabilityBin]:
    """The reliability diagram: bins of equal width over [0, 1], empty ones left out (Guo et al. 2017)."""
    numbers = np.minimum((scores * bins).astype(np.int64), bins - 1)
    return [
        ReliabilityBin(k / bins, (k + 1) / bins, int(mask.sum()), float(scores[mask].mean()), float(right[mask].mean()))
        for k in range(bins)
        if (mask := numbers == k).any()
    ]


def within_problem_auc(judged: Sequence[Judged]) -> float:
    """Mean over problems of P(a right solution outscores a wrong one of the same problem), ties counting half.

    Problems whose solutions are all right or all wrong say nothing and are left out; nan when none is left.
    """
    aucs = []
    for members in _by_problem(judged):
        good = np.array([j.score for j in members if j.right])
        wrong = np.array([j.score for j in members if not j.right])
        if len(good) and len(wrong):
            difference = np.subtract.outer(good, wrong)
            aucs.append(float((difference > 0).mean() + 0.5 * (difference == 0).mean()))
    return float(np.mean(aucs)) if aucs else math.nan


def _curves(judged: Sequence[Judged], samples: int, seed: int) -> dict[str, dict[int, tuple[float, float, float]]]:
    """Accuracy of every selection at N = 1, 2, 4, .. from subsets of the samples."""
    budgets = sorted({2**k for k in range(samples.bit_length()) if 2**k <= samples} | {samples})
    found = [_estimated(members, samples, budgets, seed) for members in _by_problem(judged)]
    curves = {}
    for name in found[0]:
        cells = intervals(np.array([estimate[name] for estimate in found]), seed=seed)
        curves[name] = {n: (cell.mean, cell.lo, cell.hi) for n, cell in zip(budgets, cells, strict=True)}
    return curves


def _estimated(
    members: Sequence[Judged], samples: int, budgets: Sequence[int], seed: int
) -> dict[str, NDArray[np.float64]]:
    missing = samples - len(members)  # sampled without an answer: never chosen
    keys = [None if j.answer is None else normalize_answer(j.answer) for j in members] + [None] * missing
    scores = [j.score for j in members] + [math.nan] * missing
    return subsampled(keys, scores, [j.right for j in members] + [False] * missing, budgets, seed=seed)


def _by_problem(judged: Sequence[Judged]) -> list[list[Judged]]:
    ordered = sorted(judged, key=lambda j: j.problem_id)
    return [list(members) for _, members in groupby(ordered, key=lambda j: j.problem_id)]


def show_quality(found: Quality, console: Console | None = None) -> None:
    """Print the numbers, the best-of-N curves and the reliability table."""
    console = console or Console(highlight=False)
    console.print(
        f"{found.n_solutions:,} solutions of {found.n_problems} problems: within-problem AUC "
        f"{found.auc_within_problem:.3f}, BCE {found.bce:.3f}, calibration error {found.calibration_error:.3f}"
    )
    curves = Table("N", *found.curves, box=None, padding=(0, 2, 0, 0), title="accuracy, %", title_justify="left")
    for n in next(iter(found.curves.values())):
        cells = ((curve[n][0], (curve[n][2] - curve[n][1]) / 2) for curve in found.curves.values())
        curves.add_row(str(n), *(f"{100 * mean:.1f} ±{100 * half:.1f}" for mean, half in cells))
    console.print(curves)
    bins = Table("score", "n", "mean score", "right", box=None, padding=(0, 2, 0, 0))
    for b in found.reliability:
        bins.add_row(f"{b.low:.1f} - {b.high:.1f}", f"{b.n:,}", f"{b.score:.3f}", f"{b.right:.3f}")
    console.print(bins)


def draw_quality(found: Quality, path: Path) -> None:
    """Draw the reliability diagram and the best-of-N curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    largest = max(b.n for b in found.reliability)
    left.plot([b.score for b in found.reliability], [b.right for b in found.reliability], color="#1b6ca8")
    left.scatter(
        [b.score for b in found.reliability],
        [b.right for b in found.reliability],
        s=[12 + 120 * b.n / largest for b in found.reliability],
        color="#1b6ca8",
    )
    left.set(xlabel="score of the verifier", ylabel="share of right solutions", title="calibration")
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
