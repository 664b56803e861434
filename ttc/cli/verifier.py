"""`ttc verifier`: measure a verifier on solutions whose steps are rated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen


def verifier(
    prm: Annotated[str, typer.Argument(metavar="PRM", help="An option of the config group prm, or a directory.")],
    on: Annotated[Path, typer.Option(help="Labelled solutions: rows as in ProcessBench or PRM800K.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Of prm, generator and store, as in `ttc run`.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure only so many solutions.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the limit's choice and of the intervals.")] = 0,
    alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Also PRM800K's rated completions that were not chosen.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write tables, values and a figure into this directory.")] = None,
    table_format: Annotated[str, typer.Option("--format", help="text, md, csv or latex.")] = "text",
) -> None:
    """Measure a verifier on labelled steps: does it find the first wrong step, rank steps, give probabilities?"""
    from ttc.analysis.formats import TableFormat, print_tables
    from ttc.analysis.step_quality_report import quality_tables, write_quality
    from ttc.app.verifiers import compose_verifier, measure_verifier
    from ttc.data.step_labels import read_step_labels
    from ttc.files import expanded, written_for

    chosen_format = chosen(TableFormat, "--format", table_format)
    setup = compose_verifier(prm, overrides or ())
    solutions = read_step_labels(expanded(str(on)), alternatives=alternatives, setting="--on")
    if out is not None:
        with written_for(out, "--out"):
            out.mkdir(parents=True, exist_ok=True)  # before anything that takes long
    measured = measure_verifier(setup, solutions, limit, seed)
    print_tables(quality_tables(measured.quality, f"{setup.verifier.name} on {on.name}"), chosen_format)
    if out is not None:
        with written_for(out, "--out"):
            write_quality(out, measured.quality, measured.scored, measured.origin | {"file": on.name})
