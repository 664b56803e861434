"""The tables of finished runs, from their accuracy.csv and summary.json, in any format."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console

from ttc.analysis.accuracy import COLUMNS
from ttc.analysis.display import GROUPS, cost_lines, headline, is_shown, marked, show_run
from ttc.analysis.formats import Cell, Column, ReportTable, TableFormat, Unit, print_tables
from ttc.analysis.intervals import Interval
from ttc.errors import UserError
from ttc.files import read_csv
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run

Row = dict[Hashable, Any]


def print_runs(runs: Sequence[Run], table_format: TableFormat, console: Console | None = None) -> None:
    """Print the tables of runs as the runs themselves did; as CSV, one table of all.

    Raises:
        UserError: files of a run are damaged.
    """
    console = console or Console(highlight=False)
    tables = [read_accuracies(run) for run in runs]
    made = [checked_tables(run, table) for run, table in zip(runs, tables, strict=True)]  # before the first is printed
    if table_format is TableFormat.csv:
        print_tables([tidy_table(runs, tables)], table_format, console)
        return
    if table_format is not TableFormat.text:
        print_tables([table for found in made for table in found], table_format, console)
        return
    for place, (run, table) in enumerate(zip(runs, tables, strict=True)):
        if place:
            console.print()
        show_run(_title(run), table, run.summary, console)


def run_tables(run: Run, table: pd.DataFrame) -> list[ReportTable]:
    """Return accuracy overall, with what the run cost, and one table for each way to group problems or samples."""
    selection = str(run.summary["selection"])
    found = []
    for kind, caption in {"overall": "overall", **GROUPS}.items():
        rows = [row for row in table.to_dict("records") if row["kind"] == kind]
        if kind == "attempt":
            rows = [row for row in rows if is_shown(int(row["group"]))]
        if kind == "overall":
            notes = [" ".join(line.split()) for line in cost_lines(run.summary)]
            found.append(_overall(rows, selection, _title(run), [*notes, *run.summary.get("notes", [])]))
        elif rows:
            found.append(_grouped(rows, kind, selection, f"{_title(run)}: accuracy {caption}, %"))
    return found


def tidy_table(runs: Sequence[Run], tables: Sequence[pd.DataFrame]) -> ReportTable:
    """Return the rows of every run's accuracy.csv, with the run's directory."""
    columns = [
        Column("run"),
        *(Column(name) for name in ("kind", "group", "selection")),
        Column("accuracy", Unit.percent),
        Column("n", Unit.count),
    ]
    rows = [
        (str(run.directory), row["kind"], str(row["group"]), row["selection"], _interval(row), int(row["n"]))
        for run, table in zip(runs, tables, strict=True)
        for row in table.to_dict("records")
    ]
    return ReportTable(columns, rows)


def checked_tables(run: Run, table: pd.DataFrame) -> list[ReportTable]:
    """Return `run_tables`.

    Raises:
        UserError: the summary is not what a run writes.
    """
    try:
        return run_tables(run, table)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        files = RunDirectory(run.directory)
        raise UserError(f"{files.summary_file} is damaged ({error}); run the experiment again.") from None


def _overall(rows: Sequence[Row], selection: str, title: str, notes: Sequence[str]) -> ReportTable:
    columns = [Column("selection"), Column("accuracy", Unit.percent), Column("n", Unit.count)]
    cells = [(marked(row["selection"], selection), _interval(row), int(row["n"])) for row in rows]
    return ReportTable(columns, cells, title, notes)


def _grouped(rows: Sequence[Row], kind: str, selection: str, title: str) -> ReportTable:
    names = list(dict.fromkeys(row["selection"] for row in rows))
    by_group: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_group.setdefault(str(row["group"]), {})[row["selection"]] = row
    columns = [Column(kind), Column("n", Unit.count), *(Column(marked(name, selection), Unit.error) for name in names)]
    cells: list[Sequence[Cell]] = [
        (
            group,
            int(next(iter(found.values()))["n"]),
            *(_interval(found[name]) if name in found else None for name in names),
        )
        for group, found in by_group.items()
    ]
    return ReportTable(columns, cells, title)


def _interval(row: Mapping[Hashable, Any]) -> Interval:
    return Interval(float(row["accuracy"]), float(row["lo"]), float(row["hi"]), int(row["n"]))


def _title(run: Run) -> str:
    summary = run.summary
    n = int(summary.get("n_problems", 0))
    return headline(summary, n, summary.get("n_problems_available"))


def read_accuracies(run: Run) -> pd.DataFrame:
    """Read the accuracy.csv of a finished run; raises UserError where it is damaged, or another run's."""
    files = RunDirectory(run.directory)
    files.refuse_mixture(run.summary)
    try:
        table = read_csv(files.accuracy_file)
        return table[COLUMNS].astype({"accuracy": float, "lo": float, "hi": float, "n": int, "group": str})
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{files.accuracy_file} is damaged ({error}); rebuild it: ttc grade {run.directory}") from None
