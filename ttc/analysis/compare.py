"""Finished runs side by side: means over seeds, intervals over problems, paired differences and their p-values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ttc.analysis.intervals import Interval, Outcomes, interval, over_seeds, paired_difference
from ttc.analysis.run_outcomes import flops_at, is_independent, run_outcomes
from ttc.analysis.significance import holm, paired_p_value
from ttc.cost import FlopsConvention
from ttc.errors import UserError
from ttc.runs.finding import Run
from ttc.terminal import printable_line


@dataclass(frozen=True)
class ComparisonRow:
    """Runs that differ in their seed only, and their accuracy under one selection.

    Attributes:
        samples: per problem, from whose subsets the result follows; None: it is the run's own.
        difference: paired, to the reference row; None for the reference itself.
        p_value: of the difference, two-sided.
        p_holm: the same, adjusted for the other comparisons of the table.
        generations: per problem.
        flops: per problem, by the conventions that all runs know.
    """

    settings: Mapping[str, str]
    seeds: int
    selection: str
    samples: int | None
    accuracy: Interval
    difference: Interval | None
    p_value: float | None
    p_holm: float | None
    quintiles: Mapping[int, Interval]
    generations: float
    flops: Mapping[FlopsConvention, float]


@dataclass(frozen=True)
class _Group:
    """Runs that differ in their seed only, measured at `budget`; None: at their own."""

    settings: Mapping[str, str]
    budget: int | None
    by_seed: dict[int, Run] = field(default_factory=dict)

    @property
    def runs(self) -> list[Run]:
        return [*self.by_seed.values()]

    @property
    def samples(self) -> int | None:
        """Per problem, where they are more than the budget."""
        if self.budget is None:
            return None
        drawn = min(len(record.candidates) for run in self.runs for record in run.records)
        return drawn if drawn > self.budget else None


@dataclass(frozen=True)
class _Entry:
    """A row to be: a group under one selection, with the outcomes of each seed."""

    group: _Group
    selection: str
    outcomes: Sequence[Outcomes]


def compare_runs(
    runs: Sequence[Run], *, selections: Sequence[str] = (), reference: int = 0, budget: int | None = None
) -> list[ComparisonRow]:
    """Group the runs by everything but their seed, and compare every group with row `reference`.

    Args:
        runs: finished; the same run given twice counts once.
        selections: each makes a row of its own; without any, each run's own is used. See `run_outcomes`.
        reference: the row that the others are compared with.
        budget: measure runs of independent samples at this budget, by unbiased subsets of their samples.

    Raises:
        UserError: no such selection, reference or budget, runs on different problems, or damaged runs.
    """
    groups = _groups(runs, budget)
    sizes = [len(selections) or 1 for _ in groups]
    if not 0 <= reference < sum(sizes):
        raise UserError(f"--reference {reference}: there are {sum(sizes)} rows; give 0 to {sum(sizes) - 1}.")
    _refuse_different_golds([run for group in groups for run in group.runs])
    entries = [entry for group in groups for entry in _entries(group, selections)]
    _refuse_different_problems(entries, reference)
    return _adjusted([_row(entry, None if n == reference else entries[reference]) for n, entry in enumerate(entries)])


def _groups(runs: Sequence[Run], budget: int | None) -> list[_Group]:
    if budget is not None and not any(map(is_independent, runs)):
        raise UserError(f"--budget {budget}: none of these runs has independent samples; leave it out.")
    groups: dict[str, _Group] = {}
    for run in runs:
        smaller = budget if is_independent(run) else None
        settings = run.settings | ({} if smaller is None else {"budget": str(smaller)})
        group = groups.setdefault(json.dumps(settings, sort_keys=True), _Group(settings, smaller))
        known = group.by_seed.setdefault(run.summary["seed"], run)
        if run.summary["budget"] > known.summary["budget"]:  # a larger run contains the samples of a smaller one
            group.by_seed[run.summary["seed"]] = run
    return [*groups.values()]


def _entries(group: _Group, selections: Sequence[str]) -> list[_Entry]:
    names = selections or [str(group.runs[0].summary["selection"])]
    found = [run_outcomes(run, names, group.budget) for run in group.runs]
    return [_Entry(group, name, [outcomes[name] for outcomes in found]) for name in names]


def _refuse_different_golds(runs: Sequence[Run]) -> None:
    """Refuse runs of data sets whose ids coincide, such as row numbers."""
    golds: dict[str, tuple[str, Run]] = {}
    for run in runs:
        for record in run.records:
            gold, first = golds.setdefault(record.id, (record.gold, run))
            if gold != record.gold:
                raise UserError(
                    f"the gold answer of problem {_shown(record.id)} is {_shown(gold)} in {first.directory} but "
                    f"{_shown(record.gold)} in {run.directory}; compare runs on the same data."
                )


def _shown(text: str) -> str:
    return printable_line(repr(text), 80)


def _refuse_different_problems(entries: Sequence[_Entry], reference: int) -> None:
    shared = [set(entry.outcomes[0]).intersection(*entry.outcomes[1:]) for entry in entries]
    for entry, ids in zip(entries, shared, strict=True):
        if not ids or not ids & shared[reference]:
            directory = entry.group.runs[0].directory
            raise UserError(f"{directory} shares no problem with the others; compare runs on the same data.")


def _row(entry: _Entry, reference: _Entry | None) -> ComparisonRow:
    runs, ours = entry.group.runs, entry.outcomes
    per_problem = over_seeds(ours)
    bins = {record.id: record.quintile for record in runs[0].records if record.quintile is not None}
    generations, flops = _costs(entry.group)
    return ComparisonRow(
        settings=entry.group.settings,
        seeds=len(runs),
        selection=entry.selection,
        samples=entry.group.samples,
        accuracy=interval(per_problem),
        difference=None if reference is None else paired_difference(ours, reference.outcomes),
        p_value=None if reference is None else paired_p_value(ours, reference.outcomes),
        p_holm=None,
        quintiles={
            quintile: interval({id_: value for id_, value in per_problem.items() if bins.get(id_) == quintile})
            for quintile in sorted({bins[id_] for id_ in per_problem if id_ in bins})
        },
        generations=generations,
        flops=flops,
    )


def _costs(group: _Group) -> tuple[float, dict[FlopsConvention, float]]:
    """Return generations and FLOPs per problem, means over the runs."""
    runs, problems = group.runs, sum(len(run.records) for run in group.runs)
    if group.budget is not None:
        found = [flops_at(run, group.budget) for run in runs]
        known = [convention for convention in FlopsConvention if all(convention in flops for flops in found)]
        return float(group.budget), {name: sum(flops[name] for flops in found) / len(found) for name in known}
    totals = {name: [run.summary["flops"][name.value] for run in runs] for name in FlopsConvention}
    generations = sum(run.summary["generations"] for run in runs) / problems
    return generations, {name: sum(counts) / problems for name, counts in totals.items() if None not in counts}


def _adjusted(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Return the rows with p-values adjusted for the number of comparisons."""
    adjusted = iter(holm([row.p_value for row in rows if row.p_value is not None]))
    return [row if row.p_value is None else replace(row, p_holm=next(adjusted)) for row in rows]


def differing_settings(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return the settings in which the rows differ."""
    keys = dict.fromkeys(key for row in rows for key in row.settings)
    return [key for key in keys if len({row.settings.get(key) for row in rows}) > 1]
