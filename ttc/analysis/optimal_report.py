"""The tables and the policy of `ttc optimal`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from ttc.analysis.budget_ratio import BudgetRatio, budget_ratio
from ttc.analysis.formats import AtLeast, Cell, Column, ReportTable, Unit
from ttc.analysis.intervals import DIFFERENCES, SHARES, Interval, intervals
from ttc.analysis.menu import CostUnit, name_of
from ttc.analysis.optimal import Binning, Line, choices_by_bin
from ttc.analysis.significance import holm, sign_flip_p_value
from ttc.analysis.study import Study
from ttc.difficulty.table import DifficultyKind
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.policy import Choice, Policy

RATIO_RESAMPLES = 2000


def study_tables(study: Study) -> list[ReportTable]:
    """Return all tables: accuracy by budget, ratios at equal accuracy, choices by bin, and every single strategy."""
    return [
        accuracy_by_budget(study),
        gains(study),
        *choice_tables(study),
        single_strategies(study),
        single_ratios(study),
    ]


def accuracy_by_budget(study: Study) -> ReportTable:
    """Return one row per budget: the baseline, the best single strategy, the compute-optimal ones, and the bound."""
    lines = [study.baseline, study.best, *study.optimal, study.bound]
    rows = [
        (budget, *(_accuracy(line, budget) for line in lines))
        for budget in study.menu.budgets
        if any(budget in line.points for line in lines)
    ]
    columns = [Column("budget", Unit.count), *(Column(line.name, Unit.percent) for line in lines)]
    return ReportTable(columns, rows, title="accuracy by budget, %", notes=study.notes)


def gains(study: Study) -> ReportTable:
    """Return what each compute-optimal line gains, and what the baseline needs to be as accurate."""
    baseline, adjusted = _Baseline(study, study.optimal), _p_values(study)
    rows: list[Sequence[Cell]] = [
        (
            line.name.removeprefix("compute-optimal, "),
            budget,
            float(point.costs[CostUnit.generations].mean()),
            _difference(line, study.baseline, budget),
            _difference(line, study.best, budget),
            adjusted[line.name, budget],
            *baseline.ratios(line, budget),
        )
        for line in study.optimal
        for budget, point in line.points.items()
    ]
    columns = [
        Column("difficulty"),
        Column("budget", Unit.count),
        Column("generations, probing included"),
        Column(f"minus {study.baseline.name}", Unit.points),
        Column("minus best single", Unit.points),
        Column("p (Holm)", Unit.p_value),
        *baseline.columns(),
    ]
    notes = [
        baseline.note(),
        "p (Holm): of the difference to the best single strategy, by sign flips over problems, adjusted for all rows",
        *headlines(study),
    ]
    return ReportTable(columns, rows, title="compute-optimal against the baseline", notes=notes)


def choice_tables(study: Study) -> list[ReportTable]:
    """Return, for each difficulty, the choice of every bin at every budget, and how often a split agreed with it."""
    tables = []
    for name, by_budget in study.choices.items():
        numbers = sorted({*chain.from_iterable(by_budget.values())})
        rows = [
            (budget, *(f"{row[n].name} ({100 * row[n].share:.0f}%)" if n in row else None for n in numbers))
            for budget, row in by_budget.items()
        ]
        columns = [Column("budget", Unit.count), *(Column(f"bin {number}") for number in numbers)]
        note = "in brackets: the share of the cross-validation's choices that agree"
        tables.append(ReportTable(columns, rows, title=f"choice by bin, {name} difficulty (1 easiest)", notes=[note]))
    return tables


def single_strategies(study: Study) -> ReportTable:
    """Return the accuracy of every strategy at every budget."""
    rows = [(budget, *(_accuracy(line, budget) for line in study.singles)) for budget in study.menu.budgets]
    columns = [Column("budget", Unit.count), *(Column(line.name, Unit.percent) for line in study.singles)]
    return ReportTable(columns, rows, title="every strategy, accuracy in %")


def single_ratios(study: Study) -> ReportTable:
    """Return for every other strategy what the baseline needs to be as accurate."""
    others = [line for line in study.singles if line.name != study.baseline.name]
    baseline = _Baseline(study, others)
    rows = [
        (
            line.name,
            budget,
            float(line.points[budget].costs[CostUnit.generations].mean()),
            _difference(line, study.baseline, budget),
            *baseline.ratios(line, budget),
        )
        for line in others
        for budget in sorted(line.points)
    ]
    columns = [
        Column("strategy"),
        Column("budget", Unit.count),
        Column("generations"),
        Column(f"minus {study.baseline.name}", Unit.points),
        *baseline.columns(),
    ]
    return ReportTable(columns, rows, title="every strategy against the baseline", notes=[baseline.note()])


def make_policy(study: Study, probes: int) -> Policy:
    """Return the policy: in each bin of difficulty predicted from `probes` samples, the best strategy at each budget.

    Budgets at which one strategy alone was run are left out: there was nothing to choose.

    Raises:
        UserError: strategies of two generators, which no single run can use, or a bin with too few problems.
    """
    menu, table = study.chooser.menu, study.chooser.table(DifficultyKind.predicted, probes)
    choices = choices_by_bin(menu, Binning("predicted", table.quintiles()))
    curves = {name_of(curve): curve for curve in menu.curves}
    generator = _common([curve.generator for curve in menu.curves])
    verifier = _common([curve.verifier for curve in menu.curves if curve.verifier])
    assert generator is not None
    chosen = {budget: [row[number] for number in sorted(row)] for budget, row in choices.items()}
    used = {choice.name: curves[choice.name] for row in chosen.values() for choice in row}
    return Policy(
        generator=generator,
        verifier=verifier,
        edges=tuple(table.edges()),
        strategies={curve.label: curve.config for curve in used.values()},
        choices={
            budget: tuple(Choice(curves[choice.name].label, curves[choice.name].selection) for choice in row)
            for budget, row in chosen.items()
        },
    )


def policy_comment(study: Study, probes: int) -> str:
    """Return the lines above a policy: what it is, what it was chosen on, and how to run it."""
    problems = len(study.chooser.menu.ids)
    return (
        f"Compute-optimal policy, chosen on {problems} problems. Measure it on others:\n"
        f"  ttc run strategy=compute_optimal strategy.policy=FILE strategy.probes={probes} budget=16\n"
        f"edges: between the bins, of the mean final verifier value over {probes} probes; choices: one per bin, the\n"
        "easiest first, by budget."
    )


def _common(models: Sequence[ModelId]) -> ModelId | None:
    different = {model.fingerprint: model for model in models}
    if len(different) > 1:
        names = " and ".join(model.name for model in different.values())
        raise UserError(
            f"--policy: the menu's strategies use {names}, and a run has one of each; add --menu search or revisions."
        )
    return next(iter(different.values()), None)


def _p_values(study: Study) -> dict[tuple[str, int], float]:
    """Return the adjusted p-value of each line's difference to the best single strategy, by its name and budget."""
    found = {
        (line.name, budget): sign_flip_p_value(point.outcomes - study.best.points[budget].outcomes)
        for line in study.optimal
        for budget, point in line.points.items()
    }
    return dict(zip(found, holm([*found.values()]), strict=True))


class _Baseline:
    """The baseline's accuracy over its cost, in every unit that all lines know."""

    def __init__(self, study: Study, lines: Sequence[Line]) -> None:
        self._name = study.baseline.name
        points = [study.baseline.points[budget] for budget in sorted(study.baseline.points)]
        known = [*points, *(point for line in lines for point in line.points.values())]
        units = [unit for unit in CostUnit if all(unit in point.costs for point in known)]
        self._outcomes = np.array([point.outcomes for point in points])
        self._costs = {unit: np.array([point.costs[unit] for point in points]) for unit in units}

    def columns(self) -> list[Column]:
        names = ["FLOPs" if unit is CostUnit.flops else str(unit) for unit in self._costs]
        ratios = [
            (Column(f"ratio in {name}", Unit.ratio), Column(f"reached in {name}", csv_only=True)) for name in names
        ]
        return [Column("baseline matches at"), *chain.from_iterable(ratios)]

    def ratios(self, line: Line, budget: int) -> list[Cell]:
        """Return the cells of `columns` for a strategy at a budget."""
        point = line.points[budget]
        found = [
            budget_ratio(point.outcomes, point.costs[unit], self._outcomes, costs, resamples=RATIO_RESAMPLES)
            for unit, costs in self._costs.items()
        ]
        cells = [(_ratio(ratio), str(ratio.reached).lower()) for ratio in found]
        return [_matched(found[0]), *chain.from_iterable(cells)]

    def note(self) -> str:
        return (
            f"ratio: what {self._name} must spend to be as accurate, divided by what was spent; between measured "
            "budgets accuracy is linear in the logarithm of the cost; '>': it never is as accurate"
        )


def _accuracy(line: Line, budget: int) -> Interval | None:
    if budget not in line.points:
        return None
    return intervals(line.points[budget].outcomes[:, None], bounds=SHARES)[0]


def _difference(line: Line, other: Line, budget: int) -> Interval | None:
    if budget not in other.points:
        return None
    difference = line.points[budget].outcomes - other.points[budget].outcomes
    return intervals(difference[:, None], bounds=DIFFERENCES)[0]


def _matched(found: BudgetRatio) -> Cell:
    return found.matched if found.reached else AtLeast(found.matched)


def _ratio(found: BudgetRatio) -> Cell:
    interval = Interval(found.ratio, found.lo, found.hi, n=0)  # over problems, whose number the notes state
    return interval if found.reached else AtLeast(interval)


def headlines(study: Study) -> Iterator[str]:
    """Yield for each difficulty what it needs to match the baseline at 64 (the paper's figure 4) and at its largest."""
    known = study.baseline.points
    for line in study.optimal:
        for target in sorted({64, max(known)} & known.keys()):
            accuracy = known[target].outcomes.mean()
            enough = [budget for budget in sorted(line.points) if line.points[budget].outcomes.mean() >= accuracy]
            if not enough:
                yield f"{line.name}: never matches {study.baseline.name} at {target}"
                continue
            spent = line.points[enough[0]].costs[CostUnit.generations].mean()
            at = f"{study.baseline.name} at {target} is matched with {spent:.4g} generations"
            yield f"{line.name}: {at}, {target / spent:.1f}x fewer"
