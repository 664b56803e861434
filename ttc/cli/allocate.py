"""`ttc allocate`: one total budget, divided among problems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen
from ttc.errors import UserError


def allocate(
    run: Annotated[Path, typer.Argument(help="A finished best_of_n run; its first samples are the probes.")],
    total: Annotated[
        list[int], typer.Option(min=1, help="Generations per problem, on average, probes included; repeatable.")
    ],
    probes: Annotated[
        int | None,
        typer.Option(min=1, help="Samples of each problem to look at; default: half of the total, at most 4."),
    ] = None,
    maximum: Annotated[
        int | None, typer.Option("--max", min=1, help="Generations that a problem gets at most.")
    ] = None,
    learn_from: Annotated[
        Path | None,
        typer.Option(help="A best_of_n run on other problems, to learn from how accuracy grows with the budget."),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Measure the accuracy with the run's further samples and gold answers.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the budget table here.")] = None,
    table_format: Annotated[str, typer.Option("--format", help="text, md, csv or latex.")] = "text",
) -> None:
    """Divide one total budget among problems by predicted marginal gain; `ttc run budget_table=FILE` runs it."""
    from ttc.analysis.allocation_report import report
    from ttc.analysis.allocation_study import allocate_run
    from ttc.analysis.formats import TableFormat, print_tables
    from ttc.budget_table import save_budget_table
    from ttc.files import check_output, written_for

    chosen_format = chosen(TableFormat, "--format", table_format)
    if out is not None:
        if len(total) > 1:
            raise UserError(f"--out {out}: a table holds one total, not {len(total)}; give one --total.")
        check_output(out, "--out")
    allocations = allocate_run(run, total, probes=probes, most=maximum, learn_from=learn_from, evaluate=evaluate)
    print_tables(report(allocations), chosen_format)
    if out is not None:
        with written_for(out, "--out"):
            save_budget_table(out, allocations.table())
