"""How well predicted and learned difficulties agree with the oracle's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ttc.analysis.intervals import Interval, interval
from ttc.analysis.rank_correlation import spearman_interval
from ttc.difficulty.table import BINS, DifficultyTable
from ttc.errors import UserError

CALIBRATION_BINS = 10  # of equal width


@dataclass(frozen=True)
class Compared:
    """A difficulty beside the oracle's, of the same problems.

    Attributes:
        name: of the comparison, e.g. `predicted`.
        table: the difficulty.
        oracle: what it is compared with.
    """

    name: str
    table: DifficultyTable
    oracle: DifficultyTable


@dataclass(frozen=True)
class CalibrationBin:
    """The problems whose values are in [`start`, `stop`): are they solved as often as the values say?"""

    start: float
    stop: float
    value: float  # mean
    pass1: Interval

    @property
    def gap(self) -> float:
        """How far the values are above pass@1."""
        return self.value - self.pass1.mean


@dataclass(frozen=True)
class Agreement:
    """What a comparison shows.

    Attributes:
        compared: the comparison.
        correlation: Spearman's, of values with pass@1; None where all values, or all pass@1, are equal.
        confusion: the number of problems by quintile of the oracle (rows) and of the difficulty (columns).
        absolute: the same by absolute thresholds; None without them.
        same: the share of problems in the same quintile.
        within_one: the share of problems at most one quintile apart.
        calibration: by value; empty bins are left out.
    """

    compared: Compared
    correlation: Interval | None
    confusion: Sequence[Sequence[int]]
    absolute: Sequence[Sequence[int]] | None
    same: Interval
    within_one: Interval
    calibration: Sequence[CalibrationBin]

    @property
    def problems(self) -> int:
        """The number of problems that both have."""
        return self.same.n

    @property
    def calibration_error(self) -> float:
        """The mean distance of a bin's mean value from its pass@1, bins weighted by their problems."""
        return math.fsum(bin_.pass1.n * abs(bin_.gap) for bin_ in self.calibration) / self.problems

    @property
    def bias(self) -> float:
        """How far the mean value is above the mean pass@1."""
        return math.fsum(bin_.pass1.n * bin_.gap for bin_ in self.calibration) / self.problems


def agreement(compared: Compared, thresholds: Sequence[float] = (), seed: int = 0) -> Agreement:
    """Measure how well a difficulty agrees with the oracle's on the problems that both have.

    Args:
        compared: the two.
        thresholds: absolute ones, in falling order, to bin by as well.
        seed: of the bootstrap over problems.

    Raises:
        UserError: too few problems in common.
    """
    ids = sorted(compared.oracle.values.keys() & compared.table.values.keys())
    if len(ids) < BINS:
        raise UserError(f"{compared.name}: {len(ids)} problems to compare; at least {BINS} are needed for quintiles.")
    values = {id_: compared.table.values[id_] for id_ in ids}
    pass1 = {id_: compared.oracle.values[id_] for id_ in ids}
    bins, truth = compared.table.quintiles(), compared.oracle.quintiles()
    distances = {id_: abs(bins[id_] - truth[id_]) for id_ in ids}
    absolute = None
    if thresholds:
        absolute = confusion(ids, compared.oracle.bins(thresholds), compared.table.bins(thresholds))
    return Agreement(
        compared=compared,
        correlation=spearman_interval([*values.values()], [*pass1.values()], seed=seed),
        confusion=confusion(ids, truth, bins),
        absolute=absolute,
        same=interval({id_: float(distance == 0) for id_, distance in distances.items()}, seed=seed),
        within_one=interval({id_: float(distance <= 1) for id_, distance in distances.items()}, seed=seed),
        calibration=calibration(values, pass1, seed),
    )


def confusion(ids: Sequence[str], truth: Mapping[str, int], bins: Mapping[str, int]) -> list[list[int]]:
    """Count problems by their bin of the oracle (rows, 1 .. 5) and of another difficulty (columns)."""
    counts = [[0] * BINS for _ in range(BINS)]
    for id_ in ids:
        counts[truth[id_] - 1][bins[id_] - 1] += 1
    return counts


def calibration(values: Mapping[str, float], pass1: Mapping[str, float], seed: int = 0) -> list[CalibrationBin]:
    """Compare values with pass@1 in bins of equal width; the last includes 1."""
    members: dict[int, list[str]] = {}
    for id_ in sorted(pass1):
        members.setdefault(min(int(values[id_] * CALIBRATION_BINS), CALIBRATION_BINS - 1), []).append(id_)
    return [
        CalibrationBin(
            start=place / CALIBRATION_BINS,
            stop=(place + 1) / CALIBRATION_BINS,
            value=math.fsum(values[id_] for id_ in ids) / len(ids),
            pass1=interval({id_: pass1[id_] for id_ in ids}, seed=seed),
        )
        for place, ids in sorted(members.items())
    ]
