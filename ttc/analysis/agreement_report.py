"""The tables of `ttc difficulty`."""

from __future__ import annotations

from collections.abc import Sequence

from ttc.analysis.agreement import Agreement, Compared, agreement
from ttc.analysis.report_table import Cell, Column, ReportTable, Unit
from ttc.difficulty.table import BINS, DifficultyTable


def agreement_report(
    compared: Sequence[Compared], thresholds: Sequence[float] = (), seed: int = 0
) -> list[ReportTable]:
    """Return all tables: agreement, what each difficulty cost, confusion matrices, and calibration."""
    found = [agreement(one, thresholds, seed) for one in compared]
    return [
        _overview(found),
        _costs(compared),
        *(_matrix(one, one.confusion, "quintile") for one in found),
        *(_matrix(one, one.absolute, f"bin at {_listed(thresholds)}") for one in found if one.absolute is not None),
        *map(_calibration, found),
    ]


def _overview(found: Sequence[Agreement]) -> ReportTable:
    columns = [
        Column("difficulty"),
        Column("problems", Unit.count),
        Column("rank correlation", Unit.correlation),
        Column("same quintile", Unit.percent),
        Column("within one", Unit.percent),
        Column("calibration error", Unit.percent),
        Column("minus pass@1", Unit.points),
    ]
    rows = [
        [
            *(one.compared.name, one.problems, one.correlation),
            *(one.same, one.within_one, one.calibration_error, one.bias),
        ]
        for one in found
    ]
    notes = [
        "rank correlation: Spearman's, of the values with pass@1; predicted and oracle difficulty of the same samples "
        "share their noise, those of two halves do not",
        "calibration error: the mean distance of the values from pass@1 in ten bins of values",
    ]
    return ReportTable(columns, rows, title="agreement with pass@1, the oracle's difficulty", notes=notes)


def _costs(compared: Sequence[Compared]) -> ReportTable:
    columns = [
        Column("difficulty"),
        Column("generations"),
        Column("FLOPs (paper)", Unit.flops),
        Column("FLOPs (full)", Unit.flops),
        *(Column(f"quintiles {number} | {number + 1}") for number in range(1, BINS)),
    ]
    rows = [_cost("oracle", compared[0].oracle), *(_cost(one.name, one.table) for one in compared)]
    note = (
        "of samples, what scored them is included; of the learned difficulty it is one prefill, which the paper's "
        "convention does not count"
    )
    title = "cost per problem, and the values between the quintiles"
    return ReportTable(columns, rows, title=title, notes=[note])


def _cost(name: str, table: DifficultyTable) -> list[Cell]:
    return [name, table.generations, table.flops.paper, table.flops.full, *table.edges()]


def _matrix(found: Agreement, counts: Sequence[Sequence[int]], bins: str) -> ReportTable:
    columns = [Column(f"oracle {bins}", Unit.count), *(Column(str(n), Unit.count) for n in range(1, BINS + 1))]
    rows: list[list[Cell]] = [[number, *row] for number, row in enumerate(counts, start=1)]
    return ReportTable(columns, rows, title=f"problems by {bins}: oracle (rows), {found.compared.name} (columns)")


def _calibration(found: Agreement) -> ReportTable:
    columns = [
        Column("value"),
        Column("problems", Unit.count),
        Column("mean value", Unit.percent),
        Column("pass@1", Unit.percent),
        Column("minus pass@1", Unit.points),
    ]
    rows: list[list[Cell]] = [
        [f"{row.start:g} to {row.stop:g}", row.pass1.n, row.value, row.pass1, row.gap] for row in found.calibration
    ]
    return ReportTable(columns, rows, title=f"calibration: {found.compared.name}")


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
