"""The figure of `ttc optimal`: accuracy over budget (Snell et al. 2024, figures 4 and 8)."""

from __future__ import annotations

from pathlib import Path

from ttc.analysis.intervals import intervals
from ttc.analysis.menu import CostUnit
from ttc.analysis.optimal import Line
from ttc.analysis.study import Study
from ttc.errors import UserError

SUFFIXES = (".svg", ".png", ".pdf")
_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910")


def draw_study(study: Study, path: Path, suffix: str) -> None:
    """Draw the baseline, the best single strategy, every compute-optimal line with its interval, and the bound.

    `suffix` is the kind of image: .svg, .png or .pdf.

    Raises:
        UserError: another kind.
    """
    from matplotlib.figure import Figure

    if suffix not in SUFFIXES:
        raise UserError(f"--plot: a file name must end with one of {', '.join(SUFFIXES)}, not {suffix!r}.")
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    shown: list[tuple[Line, str, str]] = [
        (study.baseline, "#333333", "-"),
        (study.best, "#888888", "--"),
        *((line, _COLOURS[place % len(_COLOURS)], "-") for place, line in enumerate(study.optimal)),
        (study.bound, "#bbbbbb", ":"),
    ]
    for line, colour, style in shown:
        budgets = sorted(line.points)
        cells = [intervals(line.points[budget].outcomes[:, None])[0] for budget in budgets]
        means = [100 * cell.mean for cell in cells]
        spent = [float(line.points[budget].costs[CostUnit.generations].mean()) for budget in budgets]
        axes.plot(spent, means, style, color=colour, marker="o", markersize=3.5, label=line.name)
        if style == "-":
            low, high = [100 * cell.lo for cell in cells], [100 * cell.hi for cell in cells]
            axes.fill_between(spent, low, high, color=colour, alpha=0.1, linewidth=0)
    axes.set_xscale("log", base=2)
    ticks = study.menu.budgets
    axes.set_xticks(ticks, [str(budget) for budget in ticks])
    axes.minorticks_off()
    axes.set(xlabel="generations per problem, charged probing included", ylabel="accuracy, %")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize="small")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, format=suffix[1:], dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
