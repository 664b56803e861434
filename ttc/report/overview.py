"""What was run and how well it did: the facts, tables and charts of finished runs, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ttc.analysis.compare import ComparisonRow, compare_runs, differing_settings
from ttc.analysis.comparison_report import comparison_report
from ttc.analysis.display import GROUPS, headline
from ttc.analysis.formats import ReportTable
from ttc.analysis.report_table import heading, numeric, shown
from ttc.analysis.run_report import read_accuracies, run_tables
from ttc.errors import UserError
from ttc.report.blocks import rounded
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.terminal import printable_line

_FACTS = ("strategy", "budget", "generator", "prm", "data", "seed", "selection", "aggregation")
_CHARTS = ("quintile", "budget", "attempt")


def overview(run: Run) -> dict[str, object]:
    """Return a run's title, facts, tables and charts.

    Raises:
        UserError: files of the run are damaged.
    """
    table = read_accuracies(run)
    try:
        return {
            "title": printable_line(_title(run)),
            "name": printable_line(run.directory, 300),
            "facts": _facts(run),
            "tables": [table_data(found) for found in run_tables(run, table)],
            "charts": _charts(table),
        }
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        file = RunDirectory(run.directory).summary_file
        raise UserError(f"{file} is damaged ({error}); run the experiment again.") from None


def labels(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run that says in what it differs from the others."""
    settings = [{**run.settings, "seed": str(run.summary["seed"])} for run in runs]
    keys = dict.fromkeys(key for own in settings for key in own)
    differing = [key for key in keys if len({own.get(key) for own in settings}) > 1]
    names = [
        ", ".join(f"{key}={own[key]}" for key in differing if key in own) or str(run.directory)
        for own, run in zip(settings, runs, strict=True)
    ]
    return [printable_line(name, 120) for name in names]


def comparison(runs: Sequence[Run]) -> dict[str, object] | None:
    """Return the table of `ttc compare` with its chart, or the reason why the runs cannot be compared; None for one."""
    if len(runs) < 2:
        return None
    try:
        rows = compare_runs(runs)
    except UserError as error:
        return {"reason": printable_line(error)}
    return {"table": table_data(comparison_report(rows)), "chart": _comparison_chart(rows)}


def table_data(table: ReportTable) -> dict[str, object]:
    """Return a table as the texts that `ttc show` and `ttc compare` print."""
    table = table.for_readers()
    return {
        "title": printable_line(table.title),
        "columns": [heading(column, table) for column in table.columns],
        "right": numeric(table),
        "rows": [
            [shown(cell, column.unit) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
        ],
        "notes": [printable_line(note) for note in table.notes],
    }


def _title(run: Run) -> str:
    return headline(run.summary, int(run.summary.get("n_problems", 0)), run.summary.get("n_problems_available"))


def _facts(run: Run) -> list[tuple[str, str]]:
    """Return what was run, by name: the settings that summary.json holds, and the overrides of the command line."""
    facts = [(name, printable_line(run.summary[name])) for name in _FACTS if run.summary.get(name) is not None]
    config = run.summary.get("strategy_config")
    if isinstance(config, dict):
        parts = [f"{name}={value}" for name, value in config.items() if name != "_target_"]
        facts.append(("strategy settings", printable_line(", ".join(parts), 500)))
    overrides = " ".join(f"{name}={value}" if value else name for name, value in run.overrides.items())
    facts.append(("overrides", printable_line(overrides, 1000)))
    return [(name, value) for name, value in facts if value]


def _charts(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return a chart for each way to group; by level only where no quintiles are known."""
    found = [chart for kind in _CHARTS if (chart := _chart(kind, table))]
    if not any(chart["kind"] == "quintile" for chart in found) and (by_level := _chart("level", table)):
        return [by_level, *found]
    return found


def _chart(kind: str, table: pd.DataFrame) -> dict[str, object] | None:
    """Return accuracy with intervals over the groups of one kind, a series for each selection."""
    rows = [row for row in table.to_dict("records") if row["kind"] == kind]
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    if len(groups) < 2:
        return None
    series = [
        {"name": printable_line(name), "points": [_point(by_group.get(group)) for group in groups]}
        for name in dict.fromkeys(row["selection"] for row in rows)
        for by_group in [{str(row["group"]): row for row in rows if row["selection"] == name}]
    ]
    return {"kind": kind, "title": f"Accuracy {GROUPS[kind]}, %", "groups": groups, "series": series}


def _point(row: Mapping[Any, Any] | None) -> list[object] | None:
    """Return mean, lower and upper bound, in percent."""
    return None if row is None else [rounded(100 * float(row[name]), 2) for name in ("accuracy", "lo", "hi")]


def _comparison_chart(rows: Sequence[ComparisonRow]) -> dict[str, object] | None:
    """Return accuracy by quintile, a series for each row of the comparison."""
    quintiles = sorted({quintile for row in rows for quintile in row.quintiles})
    if len(quintiles) < 2:
        return None
    differing = differing_settings(rows)
    series = []
    for number, row in enumerate(rows):
        name = ", ".join([*(row.settings[key] for key in differing if row.settings.get(key)), row.selection])
        points = [
            [rounded(100 * value, 2) for value in (found.mean, found.lo, found.hi)]
            if (found := row.quintiles.get(quintile))
            else None
            for quintile in quintiles
        ]
        series.append({"name": printable_line(f"{number}: {name}", 80), "points": points})
    title = f"Accuracy {GROUPS['quintile']}, %"
    return {"kind": "quintile", "title": title, "groups": [str(quintile) for quintile in quintiles], "series": series}
