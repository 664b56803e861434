"""From a run's probes to the budgets of its problems: what `ttc allocate` computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.analysis.accuracy import PASS1
from ttc.analysis.allocation import (
    accuracy_by_problem,
    allocated,
    learned_from,
    predicted_mean,
    predictions_of,
)
from ttc.analysis.curves import models_of
from ttc.analysis.marginal_gain import Prediction, probe_values
from ttc.analysis.prefixes import Floats
from ttc.budget_table import BudgetTable
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import Run
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation
from ttc.terminal import printable_line

DEFAULT_PROBES = 4
_AS_GOOD = 4  # uniform totals up to this multiple are tried in place of the allocation
_REMEDY = "give the directory of a finished run of strategy=best_of_n."


@dataclass(frozen=True)
class ProbeRun:
    """A run of independent samples with the verifier's values; its problems are sorted by id."""

    run: Run
    records: Sequence[ProblemRecord]
    generator: ModelId
    verifier: ModelId | None
    aggregation: Aggregation

    @property
    def samples(self) -> int:
        """What every problem has at least."""
        return min(len(record.candidates) for record in self.records)

    @classmethod
    def load(cls, path: Path, option: str = "") -> ProbeRun:
        """Read a run; `option` is the one that names it, for messages.

        Raises:
            UserError: it is no finished run of independent samples with values.
        """
        run = Run.load(path)
        run.require_complete()
        named = f"{option} {path}".lstrip()
        if PASS1 not in run.summary["selections"]:
            raise UserError(f"{named} is not a run of independent samples; {_REMEDY}")
        models = models_of(run)
        records = sorted(run.records, key=lambda record: record.id)
        if not all(record.candidates for record in records):
            raise UserError(f"{named} has problems without samples; {_REMEDY}")
        if not any(candidate.values for record in records for candidate in record.candidates):
            raise UserError(f"{named} has no verifier values; {_REMEDY}")
        return cls(run, records, *models, Aggregation(run.summary.get("aggregation", "last")))


@dataclass(frozen=True)
class Allocation:
    """Budgets of one total, by problem id, and what is predicted of them and of uniform spending."""

    total: int
    budgets: Mapping[str, int]
    predicted: float
    predicted_uniform: float


@dataclass(frozen=True)
class Allocations:
    """The allocations of a run's problems.

    Attributes:
        curves: measured accuracy by budget; None: not evaluated.
    """

    source: ProbeRun
    probes: int
    learned: bool
    found: Sequence[Allocation]
    curves: Mapping[str, Floats] | None

    def table(self) -> BudgetTable:
        """Return the budgets of the first total."""
        return BudgetTable(
            self.found[0].budgets,
            generator=self.source.generator,
            verifier=self.source.verifier,
            data=str(self.source.run.summary["data"]),
            method="learned" if self.learned else "beta",
            total=self.found[0].total,
            probes=self.probes,
        )


def allocate_run(
    path: Path,
    totals: Sequence[int],
    *,
    probes: int | None = None,
    most: int | None = None,
    learn_from: Path | None = None,
    evaluate: bool = False,
) -> Allocations:
    """Divide each total among a run's problems.

    Args:
        path: of a finished best_of_n run.
        totals: generations per problem, on average.
        probes: how many of each problem's first samples to look at; None: half of the smallest total, at most 4.
        most: generations that a problem gets at most.
        learn_from: a run on other problems, from whose gold answers accuracy by budget is learned.
        evaluate: measure accuracy with the run's further samples and gold answers.

    Raises:
        UserError: runs that do not fit, or totals outside what can be spent.
    """
    source = ProbeRun.load(path)
    if probes is None:
        probes = min(source.samples, DEFAULT_PROBES, max(1, min(totals) // 2))
    _check_probes(source, probes, totals)
    _refuse_unscored(source, probes, str(path))
    limits = {"--max": most} if most is not None else {}
    if evaluate:
        limits[f"the samples in {path}"] = source.samples
    teacher = None
    if learn_from is not None:
        teacher = _teacher(learn_from, source)
        _refuse_unscored(teacher, probes, f"--learn-from {learn_from}")
        limits[f"the samples in --learn-from {learn_from}"] = teacher.samples
    most = _limit(limits, max(totals))
    learned = learned_from(teacher.records, probes, source.aggregation, most or teacher.samples) if teacher else None
    predictions = predictions_of(source.records, probes, source.aggregation, learned)
    found = [_allocation(predictions, total, probes, most) for total in totals]
    curves = _curves(source, probes, found) if evaluate else None
    return Allocations(source, probes, learned is not None, found, curves)


def _allocation(predictions: Mapping[str, Prediction], total: int, probes: int, most: int | None) -> Allocation:
    budgets = allocated(predictions, total, probes=probes, most=most)
    uniform = dict.fromkeys(budgets, total)
    return Allocation(
        total, budgets, predicted_mean(predictions, budgets, probes), predicted_mean(predictions, uniform, probes)
    )


def _curves(source: ProbeRun, probes: int, found: Sequence[Allocation]) -> dict[str, Floats]:
    """Measure accuracy up to the largest budget of any problem, and far enough to find a uniform total as good."""
    largest = max(
        *(budget for one in found for budget in one.budgets.values()), _AS_GOOD * max(one.total for one in found)
    )
    return accuracy_by_problem(source.records, probes, source.aggregation, min(source.samples, largest))


def _check_probes(source: ProbeRun, probes: int, totals: Sequence[int]) -> None:
    if probes > source.samples:
        raise UserError(
            f"--probes {probes}: {source.run.directory} has {source.samples} samples of each problem; use at most "
            f"{source.samples}."
        )
    if min(totals) < probes:
        raise UserError(
            f"--total {min(totals)} is less than the {probes} probes of each problem, which it includes; use a larger "
            f"total, or --probes {min(totals)} or less."
        )


def _refuse_unscored(run: ProbeRun, probes: int, named: str) -> None:
    """Refuse a run whose probes have no verifier values at all, although later samples may have."""
    if not any(probe_values(record, probes, run.aggregation) for record in run.records):
        raise UserError(
            f"{named} has no verifier values among the first {probes} samples of any problem; use more --probes, or "
            "give a run whose solutions fit the verifier's context."
        )


def _limit(limits: Mapping[str, int], total: int) -> int | None:
    """Return the smallest of the limits on a problem's budget."""
    if not limits:
        return None
    reason, most = min(limits.items(), key=lambda item: item[1])
    if total > most:
        raise UserError(
            f"--total {total} is more than a problem can get ({most}: {reason}); use a total of at most {most}."
        )
    return most


def _teacher(path: Path, source: ProbeRun) -> ProbeRun:
    """Read the run to learn from, on other problems with the same models."""
    teacher = ProbeRun.load(path, "--learn-from")
    for kind, own, other in (
        ("generator", source.generator, teacher.generator),
        ("verifier", source.verifier, teacher.verifier),
    ):
        if (own and own.fingerprint) != (other and other.fingerprint):
            raise UserError(
                f"--learn-from {path}: its {kind} is not that of {source.run.directory}; give a run with the same "
                f"{kind} and settings."
            )
    if shared := {record.id for record in source.records} & {record.id for record in teacher.records}:
        raise UserError(
            f"--learn-from {path} has {len(shared)} of the problems to allocate (e.g. "
            f"{printable_line(repr(min(shared)), 80)}), whose gold answers must not be used; give a run on other "
            "problems, e.g. data.split=validation."
        )
    return teacher
