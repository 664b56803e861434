"""The table of `ttc compare`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ttc.analysis.compare import ComparisonRow, differing_settings
from ttc.analysis.report_table import Cell, Column, ReportTable, Unit
from ttc.cost import FlopsConvention


def comparison_report(rows: Sequence[ComparisonRow]) -> ReportTable:
    """Return one row per group of runs.

    The settings in which the rows differ, accuracy, the paired difference to the reference with its p-value, accuracy
    by quintile of difficulty, and the cost per problem.
    """
    differing = differing_settings(rows)
    quintiles = sorted({quintile for row in rows for quintile in row.quintiles})
    several = sum(row.p_value is not None for row in rows) > 1
    columns = [
        Column("row", Unit.count),
        *(Column(key) for key in differing),
        Column("selection"),
        Column("seeds", Unit.count),
        Column("n", Unit.count, csv_only=True),
        Column("accuracy", Unit.percent),
        Column("difference", Unit.points),
        Column("p", Unit.p_value, csv_only=several),
        Column("p (Holm)", Unit.p_value, key="p_holm", csv_only=not several),
        *(Column(f"q{quintile}", Unit.error, key=f"quintile_{quintile}") for quintile in quintiles),
        Column("generations", Unit.count),
        Column("FLOPs (paper)", Unit.flops, key="flops_paper"),
        Column("FLOPs (full)", Unit.flops, key="flops"),
    ]
    cells: list[Sequence[Cell]] = [
        (
            number,
            *(row.settings.get(key, "") for key in differing),
            *(row.selection, row.seeds, row.accuracy.n),
            *(row.accuracy, row.difference, row.p_value, row.p_holm),
            *(row.quintiles.get(quintile) for quintile in quintiles),
            *(row.generations, row.flops.get(FlopsConvention.paper), row.flops.get(FlopsConvention.full)),
        )
        for number, row in enumerate(rows)
    ]
    return ReportTable(columns, cells, notes=[*_notes(rows)])


def _notes(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    compared = [row for row in rows if row.difference is not None]
    if compared:
        reference = next(number for number, row in enumerate(rows) if row.difference is None)
        adjusted = f", adjusted by Holm for {len(compared)} comparisons" if len(compared) > 1 else ""
        yield f"difference: to row {reference}, problem by problem; p: sign-flip test over problems{adjusted}"
    if any(row.seeds > 1 for row in rows):
        yield "intervals: 95%, over problems; the seeds of a problem are averaged and resampled together"
    drawn: dict[int, list[str]] = {}
    for number, row in enumerate(rows):
        if row.samples is not None:
            drawn.setdefault(row.samples, []).append(str(number))
    for samples, numbers in drawn.items():
        name = "row" if len(numbers) == 1 else "rows"
        yield f"{name} {', '.join(numbers)}: unbiased, from subsets of {samples} independent samples per problem"
