"""Commands that read finished runs: `ttc show`, `ttc compare` and `ttc grade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen

Runs = Annotated[list[Path], typer.Argument(help="Run directories, or directories of sweeps.")]
Format = Annotated[str, typer.Option("--format", help="text, md, csv or latex.")]


def grade(
    path: Annotated[Path, typer.Argument(help="A JSONL file with `gold` and `completion`, or a run directory.")],
    out: Annotated[Path | None, typer.Option(help="Write the rows here, with `extracted` and `correct`.")] = None,
    units: Annotated[bool, typer.Option("--units", help="Compare units, too: 5 km is wrong for 5 m.")] = False,
    grader: Annotated[
        str | None,
        typer.Option(help="Of a file: math, exact, numeric, choice, unit_tests, or a class as my_package.MyGrader."),
    ] = None,
) -> None:
    """Grade completions against gold answers and print the accuracy; the tables of a run directory are rebuilt."""
    from rich.console import Console

    from ttc.analysis.grade import grade_path

    Console().print(grade_path(path, out, units=units, grader=grader))


def show(runs: Runs, table_format: Format = "text") -> None:
    """Print the tables of finished runs: accuracy overall, by difficulty and at smaller budgets, and the cost."""
    from ttc.analysis.formats import TableFormat
    from ttc.analysis.run_report import print_runs
    from ttc.runs.finding import find_runs

    chosen_format = chosen(TableFormat, "--format", table_format)
    print_runs(find_runs(runs), chosen_format)


def compare(
    runs: Runs,
    selection: Annotated[
        list[str] | None,
        typer.Option(
            help="majority, best, weighted, hierarchical, oracle, pass@K of independent samples, or attempt-N of "
            "chains; repeatable."
        ),
    ] = None,
    reference: Annotated[int, typer.Option(help="The row that the others are compared with.")] = 0,
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Measure runs of independent samples at this smaller budget, by subsets of them."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
    table_format: Format = "text",
) -> None:
    """Compare finished runs: means over seeds, 95% intervals, paired differences with p-values, cost per problem."""
    from ttc.analysis.compare import compare_runs
    from ttc.analysis.comparison_report import comparison_report
    from ttc.analysis.formats import TableFormat, comma_separated, print_tables
    from ttc.files import check_output, write_text, written_for
    from ttc.runs.finding import find_runs

    chosen_format = chosen(TableFormat, "--format", table_format)
    if csv is not None:
        check_output(csv, "--csv")
    report = comparison_report(
        compare_runs(find_runs(runs), selections=selection or (), reference=reference, budget=budget)
    )
    print_tables([report], chosen_format)
    if csv is not None:
        with written_for(csv, "--csv"):
            write_text(csv, comma_separated(report))
