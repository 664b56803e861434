"""Finished runs side by side: means over seeds, intervals over problems, paired differences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ttc.analysis.accuracy import outcomes_by_problem
from ttc.analysis.chains import attempt_outcomes, has_chains
from ttc.analysis.intervals import Interval, interval, over_seeds, paired_difference
from ttc.errors import UserError
from ttc.runs.finding import Run
from ttc.terminal import printable_line

ATTEMPT = re.compile(r"attempt-(\d{1,6})")


@dataclass(frozen=True)
class ComparisonRow:
    """Runs that differ in their seed only, and their accuracy under one selection.

    Attributes:
        difference: paired, to the reference row; None for the reference itself.
        generations: per problem.
        flops: per problem, by the convention `full`; None where unknown.
    """

    settings: Mapping[str, str]
    seeds: int
    selection: str
    accuracy: Interval
    difference: Interval | None
    quintiles: Mapping[int, Interval]
    generations: float
    flops: float | None


def compare_runs(runs: Sequence[Run], *, selections: Sequence[str] = (), reference: int = 0) -> list[ComparisonRow]:
    """Group the runs by everything but their seed, and compare every group with row `reference`.

    Each of `selections` makes a row of its own; without any, each run's own is used. `attempt-4` is pass@1 of the
    fourth attempt of a chain.

    Raises:
        UserError: no such selection or reference, runs on different problems, or damaged runs.
    """
    groups: dict[str, dict[int, Run]] = {}
    for run in runs:  # the same run given twice counts once
        groups.setdefault(json.dumps(run.settings, sort_keys=True), {})[run.summary["seed"]] = run
    chosen = [
        ([*group.values()], name)
        for group in groups.values()
        for name in selections or [str(next(iter(group.values())).summary["selection"])]
    ]
    if not 0 <= reference < len(chosen):
        raise UserError(f"--reference {reference}: there are {len(chosen)} rows; give 0 to {len(chosen) - 1}.")
    _refuse_different_golds([run for members, _ in chosen for run in members])
    found = [[_outcomes(run, name) for run in members] for members, name in chosen]
    _refuse_different_problems(chosen, found, reference)
    return [
        _row(members, name, ours, None if ours is found[reference] else found[reference])
        for (members, name), ours in zip(chosen, found, strict=True)
    ]


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


def _refuse_different_problems(
    chosen: Sequence[tuple[Sequence[Run], str]], found: Sequence[Sequence[Mapping[str, float]]], reference: int
) -> None:
    shared = [set(outcomes[0]).intersection(*outcomes[1:]) for outcomes in found]
    for (members, _), ids in zip(chosen, shared, strict=True):
        if not ids or not ids & shared[reference]:
            raise UserError(f"{members[0].directory} shares no problem with the others; compare runs on the same data.")


def _row(
    members: Sequence[Run],
    selection: str,
    ours: Sequence[Mapping[str, float]],
    reference: Sequence[Mapping[str, float]] | None,
) -> ComparisonRow:
    per_problem = over_seeds(ours)
    bins = {record.id: record.quintile for record in members[0].records if record.quintile is not None}
    problems = sum(len(run.records) for run in members)
    flops = [run.summary["flops"]["full"] for run in members]
    return ComparisonRow(
        settings=members[0].settings,
        seeds=len(members),
        selection=selection,
        accuracy=interval(per_problem),
        difference=None if reference is None else paired_difference(ours, reference),
        quintiles={
            quintile: interval({id_: value for id_, value in per_problem.items() if bins.get(id_) == quintile})
            for quintile in sorted({bins[id_] for id_ in per_problem if id_ in bins})
        },
        generations=sum(run.summary["generations"] for run in members) / problems,
        flops=None if None in flops else sum(flops) / problems,
    )


def _outcomes(run: Run, selection: str) -> dict[str, float]:
    attempt = ATTEMPT.fullmatch(selection)
    try:
        if attempt:
            return attempt_outcomes(run.records, int(attempt[1]))
        return outcomes_by_problem(run.records, selection)
    except ValueError:
        raise UserError(f"{run.directory} has problems without chains; run the experiment again.") from None
    except KeyError:
        names = ", ".join(run.summary["selections"])
        if has_chains(run.records):
            names += ", attempt-1 (pass@1 of the first attempt of a chain), attempt-2, .. to the end of its chains"
        raise UserError(f"{run.directory} has no selection {selection}; use one of {names}.") from None


def differing_settings(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return the settings in which the rows differ."""
    keys = dict.fromkeys(key for row in rows for key in row.settings)
    return [key for key in keys if len({row.settings.get(key) for row in rows}) > 1]


def comparison_table(rows: Sequence[ComparisonRow]) -> pd.DataFrame:
    """Return the rows as a frame: the settings in which they differ, then accuracy, difference, quintiles and cost."""
    differing = differing_settings(rows)
    table = []
    for row in rows:
        cells: dict[str, Any] = {key: row.settings.get(key, "") for key in differing}
        cells |= {"selection": row.selection, "seeds": row.seeds, "n": row.accuracy.n}
        cells |= _cells("accuracy", row.accuracy) | _cells("difference", row.difference)
        for quintile, cell in row.quintiles.items():
            cells |= _cells(f"quintile_{quintile}", cell)
        table.append(cells | {"generations": row.generations, "flops": row.flops})
    return pd.DataFrame(table)


def _cells(name: str, cell: Interval | None) -> dict[str, float | None]:
    mean, lo, hi = (None, None, None) if cell is None else (cell.mean, cell.lo, cell.hi)
    return {name: mean, f"{name}_lo": lo, f"{name}_hi": hi}
