"""`ttc optimal`: reads finished runs, sorts their problems into bins, and compares what can be done at each budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ttc.analysis.accuracy import ORACLE, PASS1
from ttc.analysis.cross_validation import SPLITS
from ttc.analysis.curves import Curve, read_curves
from ttc.analysis.menu import CostUnit, Menu, MenuKind, name_of
from ttc.analysis.optimal import (
    BinChoice,
    Binning,
    HeldOut,
    Line,
    best_per_problem,
    best_single,
    choices_by_bin,
    compute_optimal,
    single_lines,
)
from ttc.difficulty.table import DifficultyKind, DifficultyTable, measured_difficulty
from ttc.errors import UserError
from ttc.runs.finding import Run

PROBES = 4


@dataclass(frozen=True)
class StudySettings:
    """What `ttc optimal` is asked.

    Attributes:
        selections: of the runs; none: each run's own.
        menu: which strategies to choose among; None: all.
        baseline: the label of the curve to compare with; None: best-of-N.
        difficulties: oracle, predicted, or the path of a table.
        probes: samples per problem of the predicted difficulty whose cost is charged.
        split: the share of the problems that choices are made on, the others being measured; None: cross-validation.
        splits: random splits of the cross-validation.
        seed: of the splits.
    """

    selections: Sequence[str] = ()
    menu: MenuKind | None = None
    baseline: str | None = None
    difficulties: Sequence[str] = ()
    probes: int = PROBES
    split: float | None = None
    splits: int = SPLITS
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot work; raises UserError."""
        if ORACLE in self.selections:
            raise UserError("--selection oracle: it reads the gold answers, so no policy can run it; leave it out.")
        if self.probes < 1:
            raise UserError(f"--probes {self.probes}: must be at least 1 sample per problem; use e.g. 4.")
        if self.splits < 1:
            raise UserError(f"--splits {self.splits}: must be at least 1; use e.g. {SPLITS}.")
        if self.split is not None and not 0 < self.split < 1:
            raise UserError(f"--split {self.split}: must lie between 0 and 1; use e.g. 0.5.")


@dataclass(frozen=True)
class RunSets:
    """The runs of a study.

    Attributes:
        measured: the runs to choose among.
        held_out: of the same strategies on other problems, where choices are made; none: cross-validation.
        difficulty: independent samples that difficulties are measured from; none: those among `measured`.
    """

    measured: Sequence[Run]
    held_out: Sequence[Run] = ()
    difficulty: Sequence[Run] = ()


@dataclass(frozen=True)
class Side:
    """A set of problems with a menu over them, and the runs that their difficulties are measured from."""

    menu: Menu
    independent: Sequence[Run] = ()

    def table(self, kind: DifficultyKind, samples: int | None = None) -> DifficultyTable:
        """Measure a difficulty: from all samples, or from the first so many of the first seed, as a run would."""
        if not self.independent:
            raise UserError(
                f"--difficulty {kind}: there is no run of independent samples; add --difficulty-from RUN, a finished "
                "best_of_n run on the same problems."
            )
        return measured_difficulty(kind, self.independent if samples is None else self.independent[:1], samples)


@dataclass(frozen=True)
class Study:
    """What `ttc optimal` shows.

    Attributes:
        menu: over the problems that are measured.
        baseline: what budgets are compared with.
        optimal: one compute-optimal line per difficulty.
        singles: a line per strategy.
        best: of one strategy for all problems.
        bound: the best option of each problem.
        choices: of each difficulty, by budget and bin, made on all problems that choices are made on.
        chooser: those problems; a policy is made from them.
        notes: for the reader.
    """

    menu: Menu
    baseline: Line
    optimal: Sequence[Line]
    singles: Sequence[Line]
    best: Line
    bound: Line
    choices: Mapping[str, Mapping[int, Mapping[int, BinChoice]]]
    chooser: Side
    notes: Sequence[str] = ()


def study(runs: RunSets, settings: StudySettings, *, on_run: Callable[[Run], None] = lambda run: None) -> Study:
    """Compare everything that can be done at each budget.

    Raises:
        UserError: runs that do not fit together, or too few problems.
    """
    settings.check()
    if runs.held_out and settings.split is not None:
        raise UserError("--split and --held-out exclude each other; give one of them.")
    given = _side(runs.measured, runs.difficulty, settings, on_run)
    other = _side(runs.held_out, (), settings, on_run) if runs.held_out else None
    measured, notes = given, list(_notes(given.menu, runs.measured))
    if settings.split is not None:
        chosen_ids, measured_ids = _split(given.menu.ids, settings.split, settings.seed)
        other = Side(given.menu.restricted(chosen_ids), given.independent)
        measured = Side(given.menu.restricted(measured_ids), given.independent)
        notes.append(f"choices were made on {len(chosen_ids)} problems, and measured on the other {len(measured_ids)}")
    elif other is not None:
        notes.append(f"choices were made on the {len(other.menu.ids)} problems of the held-out runs")
    pairs, skipped = _binnings(measured, other, settings)
    menu = measured.menu
    if not menu.choosable:
        raise UserError("there is no budget at which several strategies were run; give runs of at least two.")
    optimal, choices = [], {}
    for own, theirs in pairs:
        held_out = None if other is None else HeldOut(other.menu, theirs)
        optimal.append(compute_optimal(menu, own, held_out=held_out, splits=settings.splits, seed=settings.seed))
        chooser, bins = (menu, own) if other is None else (other.menu, theirs)
        choices[own.name] = choices_by_bin(chooser, bins, splits=settings.splits, seed=settings.seed)
    singles = single_lines(menu)
    return Study(
        menu,
        _baseline(menu, singles, settings.baseline),
        optimal,
        singles,
        best_single(menu, splits=settings.splits, seed=settings.seed),
        best_per_problem(menu),
        choices,
        other or measured,
        [*notes, *skipped],
    )


def _side(
    runs: Sequence[Run], difficulty: Sequence[Run], settings: StudySettings, on_run: Callable[[Run], None]
) -> Side:
    curves: list[Curve] = read_curves(runs, settings.selections, on_run=on_run)
    independent = [run for run in difficulty or runs if PASS1 in run.summary["selections"]]
    return Side(Menu.of(curves, settings.menu), [*_largest(independent)])


def _largest(runs: Iterable[Run]) -> Iterable[Run]:
    """Of runs of one seed, only the largest: it contains the others' samples."""
    largest: dict[int, Run] = {}
    for run in runs:
        known = largest.setdefault(run.summary["seed"], run)
        if run.summary["budget"] > known.summary["budget"]:
            largest[run.summary["seed"]] = run
    return largest.values()


def _split(ids: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Cut the problems at random: those that choices are made on, and those that are measured."""
    order = np.random.default_rng(seed).permutation(sorted(ids)).tolist()
    cut = round(share * len(order))
    return order[:cut], order[cut:]


def _binnings(
    measured: Side, other: Side | None, settings: StudySettings
) -> tuple[list[tuple[Binning, Binning]], list[str]]:
    """Return each difficulty's bins of the measured problems and of those that choices are made on; and notes."""
    pairs, notes = [], []
    for name in settings.difficulties or ("oracle", "predicted"):
        try:
            pairs += _binning(name, measured, other, settings)
        except UserError:
            if settings.difficulties:
                raise
            notes.append(f"no {name} difficulty: there is no run of independent samples (add --difficulty-from RUN)")
    if not pairs:
        raise UserError(
            "no difficulty can be measured from these runs; add --difficulty-from RUN or --difficulty FILE."
        )
    return pairs, notes


def _binning(name: str, measured: Side, other: Side | None, settings: StudySettings) -> list[tuple[Binning, Binning]]:
    if name == DifficultyKind.oracle:
        own, theirs = _oracle(measured), None if other is None else _oracle(other)
        return [(Binning("oracle", own), Binning("oracle", own if theirs is None else theirs))]
    if name == DifficultyKind.predicted:
        every = _from_tables("predicted", measured, other, None, charged=False)
        few = _from_tables(f"predicted, {settings.probes} probes", measured, other, settings.probes, charged=True)
        return [every, few]
    table = DifficultyTable.load(Path(name).expanduser())
    label = str(table.kind)
    bins = table.quintiles()
    charge = {CostUnit.generations: table.generations, CostUnit.flops: table.flops.full or 0.0}
    probing = charge if table.kind is not DifficultyKind.oracle else {}
    return [(Binning(label, bins, probing), Binning(label, bins))]


def _oracle(side: Side) -> dict[str, int]:
    """Return the bins that the runs recorded, where all problems have one; else those measured from their samples."""
    recorded = side.menu.quintiles
    return recorded if len(recorded) == len(side.menu.ids) else side.table(DifficultyKind.oracle).quintiles()


def _from_tables(
    name: str, measured: Side, other: Side | None, samples: int | None, *, charged: bool
) -> tuple[Binning, Binning]:
    """Return the bins of predicted difficulty; held-out problems set the edges, as they do for a policy."""
    table = measured.table(DifficultyKind.predicted, samples)
    probing = {CostUnit.generations: table.generations, CostUnit.flops: table.flops.full or 0.0} if charged else {}
    if other is None or other.independent is measured.independent:
        return Binning(name, table.quintiles(), probing), Binning(name, table.quintiles())
    theirs = other.table(DifficultyKind.predicted, samples)
    return Binning(name, table.bins(theirs.edges()), probing), Binning(name, theirs.quintiles())


def _baseline(menu: Menu, singles: Sequence[Line], label: str | None) -> Line:
    curve = menu.default_baseline if label is None else menu.curve(label)
    return next(line for line in singles if line.name == name_of(curve))


def _notes(menu: Menu, runs: Sequence[Run]) -> Iterable[str]:
    seeds = {point.seeds for curve in menu.curves for point in curve.points.values()}
    counts = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    yield f"{len(menu.ids)} problems, {counts} seed{'s' * (max(seeds) > 1)} averaged within each problem"
    problems = max(int(run.summary.get("n_problems", 0)) for run in runs)
    if problems > len(menu.ids):
        yield f"{len(menu.ids)} of {problems} problems are in all runs; the others are left out"
