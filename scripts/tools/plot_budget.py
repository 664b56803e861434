"""Plot accuracy over budget: a best_of_n run at every smaller budget, by unbiased subsampling, and beam runs.

python scripts/tools/plot_budget.py BEST_OF_N_RUN --beam BEAM_RUN --beam BEAM_RUN --out figure.svg
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ttc.analysis.accuracy import outcomes_by_problem
from ttc.analysis.intervals import interval
from ttc.analysis.subsample import budget_curve
from ttc.runs.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"majority": "#7f7f7f", "best": "#d95f02", "weighted": "#1b6ca8", "beam": "#1b9e77"}
LABELS = {"majority": "majority", "best": "best-of-N", "weighted": "best-of-N weighted", "beam": "beam search, M = 4"}


def main(
    run: Annotated[Path, typer.Argument(help="Directory of a best_of_n run.")],
    out: Annotated[Path, typer.Option(help="Image to write, .svg or .png.")],
    beam: Annotated[list[Path] | None, typer.Option(help="Directories of beam runs, one per budget.")] = None,
    title: Annotated[str, typer.Option(help="Title of the figure.")] = "",
) -> None:
    """Draw the figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    records = RunDirectory(run).records()
    largest = min(len(record.candidates) for record in records)
    budgets = [2**k for k in range(largest.bit_length())]
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
    """Return a run's budget, and its accuracy with the 95% interval."""
    run = RunDirectory(directory)
    found = interval(outcomes_by_problem(run.records(), "weighted"))
    return run.summary()["budget"], found.mean, found.lo, found.hi


def _draw(
    axes: Axes, name: str, budgets: Iterable[int], mean: Iterable[float], lo: Iterable[float], hi: Iterable[float]
) -> None:
    """Draw a line with its band; accuracies in [0, 1]."""
    x = list(budgets)
    middle, low, high = ([100 * value for value in column] for column in (mean, lo, hi))
    axes.plot(x, middle, color=COLORS[name], marker="o", markersize=3, label=LABELS[name])
    axes.fill_between(x, low, high, color=COLORS[name], alpha=0.12, linewidth=0)


if __name__ == "__main__":
    typer.run(main)
