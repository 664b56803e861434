"""`ttc scale`: test-time compute of a small model against a larger model, at equal FLOPs."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen


def scale(
    runs: Annotated[list[Path], typer.Argument(help="Finished runs and sweeps of the small model.")],
    large: Annotated[
        list[Path], typer.Option(help="A finished run of the large model, e.g. greedy; repeatable for more seeds.")
    ],
    r: Annotated[
        list[float] | None,
        typer.Option("--r", help="R = D_inference / D_pretrain; repeatable; default: 0.16, 0.79, 22 (iclr: half)."),
    ] = None,
    formula: Annotated[
        str, typer.Option(help="FLOPs of inference: arxiv (the generator's) or iclr (a verifier's, too).")
    ] = "arxiv",
    size_ratio: Annotated[
        float | None, typer.Option(help="M, how many times larger the large model is; default: by the parameters.")
    ] = None,
    tokens: Annotated[
        str, typer.Option(help="Length of a generation: equal for both models, or measured in the runs.")
    ] = "equal",
    selection: Annotated[
        list[str] | None, typer.Option(help="Of the small model; a run's own by default; repeatable.")
    ] = None,
    difficulty: Annotated[
        Path | None, typer.Option(help="A table of `ttc difficulty`; default: the bins that the small runs recorded.")
    ] = None,
    table_format: Annotated[str, typer.Option("--format", help="text, md, csv or latex.")] = "text",
) -> None:
    """Compare a small model that samples with a larger model that costs the same FLOPs, by difficulty."""
    from ttc.analysis.flops_match import Formula
    from ttc.analysis.formats import TableFormat, print_tables
    from ttc.analysis.scaling import ScaleSettings
    from ttc.analysis.scaling import scale as scale_runs
    from ttc.analysis.scaling_report import scaling_tables
    from ttc.analysis.scaling_sides import TokenCount
    from ttc.progress_bar import ProgressBar
    from ttc.runs.finding import find_runs

    settings = ScaleSettings(
        r or (),
        chosen(Formula, "--formula", formula),
        size_ratio,
        chosen(TokenCount, "--tokens", tokens),
        selection or (),
        difficulty,
    )
    settings.check()
    chosen_format = chosen(TableFormat, "--format", table_format)
    ours, theirs = find_runs(runs), find_runs(large)
    with ProgressBar("reading runs", len(ours) + len(theirs)) as bar:
        done = count(1)
        found = scale_runs(
            ours,
            theirs,
            settings,
            on_run=lambda run: bar.show(next(done)) if bar.is_due else None,
        )
    print_tables(scaling_tables(found), chosen_format)
