"""Commands that read finished runs: `ttc grade` and `ttc compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def grade(
    path: Annotated[Path, typer.Argument(help="A JSONL file with `gold` and `completion`, or a run directory.")],
    out: Annotated[Path | None, typer.Option(help="Write the rows here, with `extracted` and `correct`.")] = None,
    units: Annotated[bool, typer.Option("--units", help="Compare units, too: 5 km is wrong for 5 m.")] = False,
) -> None:
    """Grade completions against gold answers and print the accuracy; the tables of a run directory are rebuilt."""
    from rich.console import Console

    from ttc.analysis.grade import grade_path

    Console().print(grade_path(path, out, units=units))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, or directories of sweeps.")],
    selection: Annotated[
        list[str] | None,
        typer.Option(
            help="majority, best, weighted, hierarchical, oracle, pass@1, or attempt-N of chains; repeatable."
        ),
    ] = None,
    reference: Annotated[int, typer.Option(help="The row that the others are compared with.")] = 0,
    csv: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
) -> None:
    """Compare finished runs: means over seeds, 95% intervals over problems, paired differences, cost per problem."""
    from ttc.analysis.compare import compare_runs, comparison_table
    from ttc.analysis.display import show_comparison
    from ttc.files import check_output, write_csv, written_for
    from ttc.runs.finding import find_runs

    if csv is not None:
        check_output(csv, "--csv")
    rows = compare_runs(find_runs(runs), selections=selection or (), reference=reference)
    show_comparison(rows)
    if csv is not None:
        with written_for(csv, "--csv"):
            write_csv(csv, comparison_table(rows))
