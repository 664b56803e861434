"""The tables of `ttc allocate`: the budgets, and what the allocation is worth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ttc.analysis.allocation import outcomes_at
from ttc.analysis.allocation_study import Allocations
from ttc.analysis.formats import Cell, Column, ReportTable, Unit
from ttc.analysis.intervals import interval, paired_difference
from ttc.analysis.prefixes import Floats


def report(allocations: Allocations) -> list[ReportTable]:
    """Return the tables that `ttc allocate` prints."""
    tables = [_budgets(allocations)]
    if any(record.quintile is not None for record in allocations.source.records):
        tables.append(_quintiles(allocations))
    if allocations.curves is not None:
        tables.append(_measured(allocations, allocations.curves))
    return tables


def _budgets(allocations: Allocations) -> ReportTable:
    what = "accuracy" if allocations.learned else "coverage"
    rows: list[list[Cell]] = []
    for one in allocations.found:
        values = [*one.budgets.values()]
        quartiles = [round(float(q), 1) for q in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]
        spent = round(float(np.mean(values)), 2)
        rows.append([one.total, spent, *quartiles, one.predicted, one.predicted_uniform])
    names = ("spent", "min", "25%", "median", "75%", "max")
    return ReportTable(
        columns=[
            Column("total", Unit.count),
            *(Column(name, Unit.count) for name in names),
            Column(f"predicted {what}", Unit.percent),
            Column(f"{what} if uniform", Unit.percent),
        ],
        rows=rows,
        title=f"Budgets of {len(allocations.source.records)} problems from {allocations.probes} probes",
        notes=["A total is the mean number of generations per problem; the probes count."],
    )


def _quintiles(allocations: Allocations) -> ReportTable:
    members: dict[int, list[str]] = {}
    for record in allocations.source.records:
        if record.quintile is not None:
            members.setdefault(record.quintile, []).append(record.id)
    rows: list[list[Cell]] = [
        [one.total, *(round(float(np.mean([one.budgets[id_] for id_ in members[q]])), 1) for q in sorted(members))]
        for one in allocations.found
    ]
    columns = [Column("total", Unit.count), *(Column(f"quintile {q}", Unit.count) for q in sorted(members))]
    return ReportTable(columns, rows, title="Mean budget by quintile of difficulty (1 easiest)")


def _measured(allocations: Allocations, curves: Mapping[str, Floats]) -> ReportTable:
    uniform_curve = np.mean([*curves.values()], axis=0)
    rows: list[list[Cell]] = []
    for one in allocations.found:
        own = outcomes_at(curves, one.budgets)
        uniform = outcomes_at(curves, dict.fromkeys(curves, one.total))
        as_good = np.flatnonzero(uniform_curve >= np.mean([*own.values()]))
        rows.append(
            [
                one.total,
                interval(own),
                interval(uniform),
                paired_difference(own, uniform),
                int(as_good[0]) + 1 if len(as_good) else None,
            ]
        )
    return ReportTable(
        columns=[
            Column("total", Unit.count),
            Column("allocated", Unit.percent),
            Column("uniform", Unit.percent),
            Column("difference", Unit.points),
            Column("uniform total as good", Unit.count),
        ],
        rows=rows,
        title="Measured accuracy of best-of-N weighted",
        notes=["Averaged over random orders of the samples behind the probes, which are kept."],
    )
