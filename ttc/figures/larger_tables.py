"""The data of the figures about a larger model: 9, and the right part of figure 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ttc.analysis.flops_match import Formula, matched_factor
from ttc.analysis.interpolation import Reading, read_at
from ttc.analysis.intervals import RESAMPLES
from ttc.analysis.scaling_sides import large_model, size_ratio
from ttc.difficulty.table import BINS, DifficultyKind
from ttc.figures.measured import ByProblem, Measured
from ttc.figures.recipes import Role
from ttc.figures.tables import Points

DIFFICULTIES = {"easy": 2, "medium": 3, "hard": 4}
"""The bins that the paper's figure 1 calls so."""
RATIOS = Formula.arxiv.ratios


@dataclass(frozen=True)
class Match:
    """The small model with test-time compute against the larger one at equal FLOPs.

    Attributes:
        which: revisions or search.
        r: tokens decoded over tokens pretrained on.
        reading: of the compute-optimal line at the matched budget; beyond the measured ones, of the largest.
        small: outcomes by problem.
        larger: the larger model's.
    """

    which: str
    r: float
    reading: Reading
    small: ByProblem
    larger: ByProblem


def matches(measured: Measured) -> Iterator[Match]:
    """Yield both ways to spend the small model's compute at each R of the paper."""
    larger = large_model(measured.runs[Role.larger], lambda run: None)
    for which, role in (("revisions", Role.revisions), ("search", Role.best_of_n)):
        if not measured.has(role):
            continue
        line = measured.optimal_outcomes(which, DifficultyKind.oracle)
        ids = sorted(set(larger.outcomes).intersection(*line.values()))
        small = measured.curves(role, "majority")[0].generator
        ratio = size_ratio(small, larger.model, None)
        outcomes = np.array([[at[id_] for id_ in ids] for at in line.values()])
        for r in RATIOS:
            reading = read_at([*line], outcomes, larger.generations * matched_factor(ratio, r))
            ours = dict(zip(ids, reading.outcomes.tolist(), strict=True))
            yield Match(which, r, reading, ours, {id_: larger.outcomes[id_] for id_ in ids})


def by_bin_and_budget(measured: Measured) -> pd.DataFrame:
    """Figure 9: the small model's accuracy over budget by bin; the larger model's at the matched budgets."""
    points = Points()
    found = list(matches(measured))
    for which in dict.fromkeys(match.which for match in found):
        line = measured.optimal_outcomes(which, DifficultyKind.oracle)
        for number in range(1, BINS + 1):
            members = measured.members(number)
            points.add(which, f"bin {number}", line, members)
            stars = {match.reading.budget: match.larger for match in found if match.which == which}
            points.add(which, f"larger model, bin {number}", dict(sorted(stars.items())), members)
    return points.table()


def relative_change(measured: Measured) -> pd.DataFrame:
    """Figure 1 right: by how much test-time compute changes the larger model's accuracy, relative to it, by R."""
    points = Points()
    for match in matches(measured):
        for name, number in DIFFICULTIES.items():
            ids = sorted(measured.members(number) & match.small.keys())
            change = _relative([match.small[id_] for id_ in ids], [match.larger[id_] for id_ in ids])
            if change is not None:
                mean, lo, hi = change
                points.put(match.which, name, match.r, 100 * mean, 100 * lo, 100 * hi, len(ids))
    return points.table()


def _relative(small: Sequence[float], larger: Sequence[float], seed: int = 0) -> tuple[float, float, float] | None:
    """Return (small - larger) / larger of the means, with its bootstrap interval; None where `larger` is 0."""
    pairs = np.array([small, larger])  # (2, P)
    if not pairs[1].sum():
        return None
    draws = np.random.default_rng(seed).integers(0, len(small), size=(RESAMPLES, len(small)))
    sums = pairs[:, draws].sum(axis=2)  # (2, resamples)
    known = sums[:, sums[1] > 0]
    lo, hi = np.quantile(known[0] / known[1] - 1, [0.025, 0.975])
    mean = pairs[0].sum() / pairs[1].sum() - 1
    return float(mean), float(lo), float(hi)


def paired(match: Match, within: Mapping[str, int], numbers: Sequence[int]) -> tuple[ByProblem, ByProblem]:
    """Return both sides of a match over the problems of some bins."""
    ids = [id_ for id_ in match.small if within.get(id_) in numbers]
    return {id_: match.small[id_] for id_ in ids}, {id_: match.larger[id_] for id_ in ids}
