#!/usr/bin/env python
"""Draw accuracy over budget: a parallel run at every smaller budget, by unbiased subsampling, and beam runs.

python scripts/plot_budget.py BEST_OF_N_RUN --beam BEAM_RUN --beam BEAM_RUN --out figure.svg
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ttc.analysis.accuracy import outcomes
from ttc.analysis.intervals import interval
from ttc.analysis.subsample import budget_curve
from ttc.runs.directory import read_records

COLOURS = {"majority": "#7f7f7f", "best": "#d95f02", "weighted": "#1b6ca8", "beam": "#1b9e77"}
LABELS = {"majority": "majority", "best": "best-of-N", "weighted": "best-of-N weighted", "beam": "beam search, M = 4"}


def main(
    run: Annotated[Path, typer.Argument(help="A best_of_n run directory.")],
    out: Annotated[Path, typer.Option(help="The picture, .svg or .png.")],
    beam: Annotated[list[Path] | None, typer.Option(help="Beam run directories, one a budget.")] = None,
    title: Annotated[str, typer.Option()] = "",
) -> None:
    """Draw the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    records = read_records(run)
    largest = min(len(record.candidates) for record in records)
    budgets = [2**k for k in range(largest.bit_length()) if 2**k <= largest]
    table = budget_curve(records, budgets)
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    for selection in ("majority", "best", "weighted"):
        rows = table[table["selection"] == selection]
        _draw(axes, selection, rows["budget"], rows["accuracy"], rows["lo"], rows["hi"])
    points = sorted(_beam_point(directory) for directory in beam or [])
    if points:
        _draw(axes, "beam", *zip(*points, strict=True))
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.set_xlabel("budget (generations per problem)")
    axes.set_ylabel("accuracy, %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.set_title(title, fontsize=10)
    figure.savefig(out, bbox_inches="tight", metadata={"Date": None} if out.suffix == ".svg" else None)


def _beam_point(directory: Path) -> tuple[int, float, float, float]:
    budget = json.loads((directory / "summary.json").read_text())["budget"]
    found = interval(outcomes(read_records(directory), "weighted"))
    return budget, found.mean, found.lo, found.hi


def _draw(axes, name, budgets, mean, lo, hi) -> None:  # type: ignore[no-untyped-def]
    percent = [[100 * value for value in column] for column in (mean, lo, hi)]
    axes.plot(list(budgets), percent[0], color=COLOURS[name], marker="o", markersize=3, label=LABELS[name])
    axes.fill_between(list(budgets), percent[1], percent[2], color=COLOURS[name], alpha=0.12, linewidth=0)


if __name__ == "__main__":
    typer.run(main)
