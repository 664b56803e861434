"""`ttc difficulty`: measure, predict and learn how difficult problems are, and how well these agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen


def difficulty(
    runs: Annotated[list[Path], typer.Argument(help="Finished best_of_n runs on the same problems; seeds are pooled.")],
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Also predict from only the first so many samples of each problem in each run."),
    ] = None,
    learn_from: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also learn difficulty from the question alone, from these runs: best on other problems; problems of "
            "RUNS are cross-fitted. Repeatable."
        ),
    ] = None,
    regression: Annotated[str, typer.Option(help="ridge or logistic.")] = "ridge",
    folds: Annotated[int, typer.Option(min=2, help="Of cross-fitting.")] = 5,
    generator: Annotated[
        list[str] | None,
        typer.Option(help="Overrides of the generator that made the runs, where they do not say; repeatable."),
    ] = None,
    thresholds: Annotated[str | None, typer.Option(help="Also bin by absolute values, e.g. 0.8,0.6,0.4,0.2.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and of the intervals.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the tables of difficulties into this directory.")] = None,
    table_format: Annotated[str, typer.Option("--format", help="text, md, csv or latex.")] = "text",
) -> None:
    """Compare predicted and learned difficulty with the oracle's: rank correlation, confusion, calibration, cost."""
    from ttc.analysis.agreement_report import agreement_report
    from ttc.analysis.formats import TableFormat, print_tables
    from ttc.app.difficulties import compare_difficulties, write_tables
    from ttc.difficulty.learning import Learner, Regression
    from ttc.difficulty.table import as_thresholds
    from ttc.files import written_for
    from ttc.runs.finding import find_runs

    learner = Learner(chosen(Regression, "--regression", regression), folds, seed)
    edges = as_thresholds(thresholds) if thresholds else ()
    chosen_format = chosen(TableFormat, "--format", table_format)
    if out is not None:
        with written_for(out, "--out"):
            out.mkdir(parents=True, exist_ok=True)  # before anything that takes long
    found = compare_difficulties(find_runs(runs), find_runs(learn_from or ()), learner, samples, generator or ())
    print_tables(agreement_report(found.compared, edges, seed), chosen_format)
    if out is not None:
        write_tables(out, found)
