#!/usr/bin/env python
"""Paired comparison of finished runs: one selection against another, or one set of runs against another.

Runs that differ in their seed alone are averaged for each problem first; the 95% interval is a bootstrap over problems.

    python scripts/compare.py multirun/*/*/{0,1,2} --selection weighted --against majority
    python scripts/compare.py beam/{0,1,2} --selection weighted --with best_of_n/0 --with best_of_n/1 --with best_of_n/2
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.analysis.accuracy import outcomes
from ttc.analysis.bootstrap import interval, over_seeds, paired_difference
from ttc.analysis.records import read_records
from ttc.analysis.subsample import curve
from ttc.errors import UserError


def main(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, one a seed.")],
    selection: Annotated[str, typer.Option(help="majority, best, weighted, oracle or pass@1.")] = "weighted",
    against: Annotated[str | None, typer.Option(help="A selection to compare with; default: the same.")] = None,
    others: Annotated[list[Path] | None, typer.Option("--with", help="Other runs to compare with.")] = None,
    budgets: Annotated[
        str | None, typer.Option(help="Also show smaller budgets of parallel runs, e.g. 1,4,16.")
    ] = None,
) -> None:
    """Print both accuracies and their paired difference, in points, with 95% intervals."""
    try:
        records = [read_records(run) for run in runs]
        first = [outcomes(seed, selection) for seed in records]
        second = [outcomes(read_records(run), against or selection) for run in (others or runs)]
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyError as missing:
        typer.echo(f"error: a run has no selection {missing}; choose one of its summary.json.", err=True)
        raise typer.Exit(2) from None
    _line(selection, interval(over_seeds(first)))
    _line(against or f"{selection} (other runs)", interval(over_seeds(second)))
    _line("difference", paired_difference(first, second))
    if budgets:
        for row in curve(records[0], [int(budget) for budget in budgets.split(",")]).to_dict("records"):
            typer.echo("  ".join(f"{key} {value}" for key, value in row.items()))


def _line(name: str, found: object) -> None:
    mean, low, high = (100 * getattr(found, key) for key in ("mean", "lo", "hi"))
    typer.echo(f"{name:<24} {mean:6.1f}  [{low:.1f}, {high:.1f}]")


if __name__ == "__main__":
    typer.run(main)
