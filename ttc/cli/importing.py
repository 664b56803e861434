"""`ttc import`: solutions that other tools sampled become a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen


def import_samples(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Rows as .jsonl, .json, .csv or .parquet.")],
    out: Annotated[Path, typer.Option(help="The run directory to write.")],
    layout: Annotated[
        str | None,
        typer.Option(
            help="search_and_learn, qwen_math, lm_eval, samples (objects with a text), lists (of texts) or completions "
            "(one per row); default: what the first row looks like."
        ),
    ] = None,
    scores: Annotated[
        str, typer.Option(help="What scores are: auto, probability, logit, raw (any scale), or none to ignore them.")
    ] = "auto",
    aggregation: Annotated[str, typer.Option(help="Of the scores of steps: last, min, prod or mean.")] = "last",
    samples: Annotated[
        int | None, typer.Option(min=1, help="Keep the first so many of each problem; leave problems with fewer out.")
    ] = None,
    gold_from: Annotated[
        Path | None, typer.Option(help="Join gold answers from this file of problems, by question or id.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the data set; default: that of the first file.")] = None,
    generator: Annotated[str | None, typer.Option(help="The model that was sampled; default: what rows say.")] = None,
    verifier: Annotated[str, typer.Option(help="The model that gave the scores.")] = "scores",
    tokenizer: Annotated[
        Path | None, typer.Option(help="Count the tokens that rows do not by this directory's tokenizer.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Tells apart imports of one model on the same problems.")
    ] = 0,
) -> None:
    """Import solutions that another tool sampled: graded, selected and tabled as `ttc run` does, without a model."""
    from ttc.analysis.display import headline, show_run
    from ttc.app.imported_run import write_import
    from ttc.app.imports import ImportSettings, prepare_import
    from ttc.data.sampled.layouts import Layout
    from ttc.data.sampled.scales import Scale
    from ttc.selection import Aggregation

    settings = ImportSettings(
        layout=None if layout is None else chosen(Layout, "--layout", layout),
        scale=chosen(Scale, "--scores", scores),
        samples=samples,
        gold_from=gold_from,
        name=name,
        generator=generator,
        verifier=verifier,
        tokenizer=tokenizer,
        aggregation=chosen(Aggregation, "--aggregation", aggregation),
        seed=seed,
    )
    written = write_import(prepare_import(files, settings), out)
    show_run(headline(written.summary, written.summary["n_problems"]), written.table, written.summary)
