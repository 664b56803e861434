"""Draws a figure from its table alone: panels side by side, lines with their intervals as bands, or bars."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ttc.figures.catalogue import Figure, Kind
from ttc.figures.paper import PAPER, PaperPoints
from ttc.figures.style import GREY, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PANEL_INCHES = (5.4, 3.9)
BAR_PANEL_INCHES = (2.3, 3.4)
PNG_DPI = 160
FOOTER_LETTERS = 17  # per inch
SMALLEST_SPAN = 0.25  # of an axis, which our points must fill before the paper's are drawn beside them
LARGE_CHANGE = 400  # percent, from which on an axis is logarithmic beyond 100%
_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "ttc",  # the same figure gives the same bytes
    "svg.fonttype": "path",
}
ACCURACY = "accuracy, %"
STAR = "larger model, "
LEGEND_INCHES = 1.6  # beside the panels


def draw(figure: Figure, table: pd.DataFrame, stem: Path, footer: str) -> None:
    """Write `stem`.svg and `stem`.png.

    Args:
        figure: which one.
        table: its points.
        stem: path without a suffix.
        footer: a line below the figure: what it was made from.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as MatplotlibFigure

    with mpl.rc_context():
        mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        panels = [*dict.fromkeys(table["panel"])] or [""]
        bars = figure.kind is Kind.bars_by_budget
        width, height = BAR_PANEL_INCHES if bars else PANEL_INCHES
        outside = bars or figure.kind is Kind.bars_by_r or any(name.startswith(STAR) for name in table["series"])
        size = (width * len(panels) + LEGEND_INCHES * outside, height + 0.3)
        canvas = MatplotlibFigure(figsize=size, layout="constrained")
        grid = canvas.subplots(1, len(panels), sharey=bars, squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            points = table[table["panel"] == panel]
            paper = PAPER.get(figure.number, {}).get(panel, {})
            _draw_panel(axes, figure.kind_of(panel), points, paper)
            axes.set_title(panel)
        _label_outer(figure, grid)
        if outside:
            _shared_legend(canvas, grid)
        else:
            for axes in grid:
                axes.legend(handlelength=2.6, loc="best")
        canvas.suptitle(f"Figure {figure.number.rstrip('LR')}{_side(figure)}: {figure.title}", fontsize=11)
        inches = canvas.get_size_inches()[0]
        canvas.supxlabel(textwrap.fill(footer, int(FOOTER_LETTERS * inches)), fontsize=6.5, color=GREY)
        canvas.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Title": figure.title})
        canvas.savefig(stem.with_suffix(".png"), dpi=PNG_DPI, metadata={"Title": figure.title})


def _side(figure: Figure) -> str:
    return {"L": ", left", "R": ", right"}.get(figure.number[-1], "")


def _draw_panel(axes: Axes, kind: Kind, points: pd.DataFrame, paper: PaperPoints) -> None:
    if kind in (Kind.bars_by_budget, Kind.bars_by_r):
        _draw_bars(axes, points, paper)
        return
    names = [*dict.fromkeys(points["series"])]
    lines = [name for name in names if not name.startswith(STAR)]
    for place, name in enumerate(lines):
        _draw_line(axes, points[points["series"] == name], name, place, len(lines))
    shown = {name: marks for name, marks in paper.items() if name in lines}
    if _fits(points, shown):
        _draw_paper(axes, shown)
    else:
        _quote_paper(axes, shown)
    stars = [name for name in names if name.startswith(STAR)]
    for name in stars:
        _draw_stars(axes, points[points["series"] == name], name)
    if stars:
        axes.plot([], [], "*", color=GREY, markersize=9, label="larger model, greedy")
    _AXES[kind](axes, points, paper)


def _draw_line(axes: Axes, rows: pd.DataFrame, name: str, place: int, count: int) -> None:
    style = style_of(name, place, count)
    sparse = len(rows) <= 12
    axes.plot(
        rows["x"], rows["y"], style.line, color=style.colour, label=name, linewidth=1.6,
        marker=style.marker, markersize=6 if style.marker.startswith("$") else 4.5, markevery=1 if sparse else 4,
    )  # fmt: skip
    axes.fill_between(rows["x"], rows["lo"], rows["hi"], color=style.colour, alpha=0.11, linewidth=0)


def _draw_stars(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    """Draw what the larger model achieves, at the budgets that cost as much."""
    style = style_of(name)
    errors = np.array([rows["y"] - rows["lo"], rows["hi"] - rows["y"]]).clip(0)
    beside = 1 + 0.045 * (int(name.rpartition(" ")[2]) - 3)  # bins side by side
    axes.errorbar(
        rows["x"] * beside, rows["y"], yerr=errors, fmt="*", color=style.colour, markersize=11,
        markeredgecolor="white", markeredgewidth=0.6, elinewidth=0.8,
    )  # fmt: skip


def _fits(points: pd.DataFrame, paper: PaperPoints) -> bool:
    """Whether our points still fill a good part of the axis with the paper's beside them."""
    values = [y for marks in paper.values() for _, y in marks]
    low, high = points["lo"].min(), points["hi"].max()
    return bool(high - low >= SMALLEST_SPAN * (max([high, *values]) - min([low, *values])))


def _draw_paper(axes: Axes, paper: PaperPoints) -> None:
    """Draw the paper's numbers, faintly."""
    for name, marks in paper.items():
        style = style_of(name)
        x, y = zip(*marks, strict=True)
        axes.plot(
            x, y, marker=style.marker, color=style.colour, alpha=0.35, linestyle="none", markersize=6,
            markerfacecolor=style.colour if style.marker in "x+" else "none",
        )  # fmt: skip
    if paper:
        axes.plot([], [], "D", color=GREY, alpha=0.5, markerfacecolor="none", label="the paper's, with its models")


def _quote_paper(axes: Axes, paper: PaperPoints) -> None:
    """Name the paper's numbers in the legend, where they lie too far from ours to be drawn."""
    lines = [f"{name}: " + ", ".join(f"{y:g} at {x:g}" for x, y in marks) for name, marks in paper.items()]
    axes.plot([], [], " ", label="\n".join(["in the paper, with its models:", *lines]))


def _draw_bars(axes: Axes, points: pd.DataFrame, paper: PaperPoints) -> None:
    """Draw bars in groups, one group per x, with the intervals as whiskers and the paper's numbers as dashes."""
    names, groups = [*dict.fromkeys(points["series"])], sorted(set(points["x"]))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        rows = points[points["series"] == name]
        style = style_of(name)
        at = [groups.index(x) + (place - (len(names) - 1) / 2) * width for x in rows["x"]]
        errors = np.array([rows["y"] - rows["lo"], rows["hi"] - rows["y"]]).clip(0)
        axes.bar(
            at, rows["y"], width * 0.92, yerr=errors, label=name, color=style.colour, alpha=0.75, hatch=style.hatch,
            edgecolor="white", linewidth=0.4, error_kw={"elinewidth": 0.9, "ecolor": "#333333"},
        )  # fmt: skip
        for x, y in paper.get(name, ()):
            if x in groups:
                middle = groups.index(x) + (place - (len(names) - 1) / 2) * width
                axes.plot(
                    [middle - width * 0.45, middle + width * 0.45], [y, y], color="#444444", alpha=0.5, linewidth=2.2
                )
    if paper:
        axes.plot([], [], color="#444444", alpha=0.5, linewidth=2.2, label="the paper's, with its models")
    axes.set_xticks(range(len(groups)), [f"{group:g}" for group in groups])
    axes.grid(axis="x", visible=False)
    axes.axhline(0, color="#333333", linewidth=0.8)


def _over_budget(axes: Axes, points: pd.DataFrame, paper: PaperPoints) -> None:
    axes.set_xscale("log", base=2)
    largest = max(points["x"].max(), 2, *(_paper_budgets(points, paper) if _fits(points, paper) else []))
    powers = [2**power for power in range(int(np.ceil(np.log2(largest))) + 1)]
    axes.set_xticks(powers, [str(power) for power in powers])
    axes.minorticks_off()
    axes.set(xlabel="budget, generations per problem", ylabel=ACCURACY)


def _paper_budgets(points: pd.DataFrame, paper: PaperPoints) -> list[float]:
    """Return the budgets of the paper's numbers that are shown."""
    return [x for name, marks in paper.items() if name in set(points["series"]) for x, _ in marks]


def _over_attempts(axes: Axes, points: pd.DataFrame, paper: PaperPoints) -> None:
    axes.set(xlabel="attempt", ylabel="pass@1, %")
    axes.axvline(5, color=GREY, linewidth=0.8, linestyle=":")
    axes.annotate("five attempts: four shown", (5, 0.02), xycoords=("data", "axes fraction"), fontsize=7, color=GREY,
                  xytext=(3, 0), textcoords="offset points")  # fmt: skip


def _over_ratio(axes: Axes, points: pd.DataFrame, paper: PaperPoints) -> None:
    powers = range(int(points["x"].min()), int(points["x"].max()) + 1, 2)
    axes.set_xticks([*powers], [f"{2**p}:1" if p > 0 else f"1:{2**-p}" for p in powers])
    axes.set(xlabel="sequential : parallel", ylabel=ACCURACY)


def _label_outer(figure: Figure, grid: Sequence[Axes]) -> None:
    if figure.kind is Kind.bars_by_budget:
        for axes in grid:
            axes.set_xlabel("budget")
            axes.set_ylim(0, 104)
        grid[0].set_ylabel(ACCURACY)
    elif figure.kind is Kind.bars_by_r:
        for axes in grid:
            axes.set_xlabel("R = tokens decoded / tokens pretrained on")
            if axes.get_ylim()[1] > LARGE_CHANGE:
                axes.set_yscale("symlog", linthresh=100)
                axes.set_yticks(_CHANGES, [f"{change:+,}" if change else "0" for change in _CHANGES])
                axes.set_ylim(bottom=-100)
        grid[0].set_ylabel("relative change of accuracy, %")


_CHANGES = (-100, -50, 0, 50, 100, 1000, 10_000)


def _shared_legend(canvas: Canvas, grid: Sequence[Axes]) -> None:
    """Name each series once, beside the panels."""
    named = {label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    canvas.legend([*named.values()], [*named], loc="outside right center")


_AXES: Mapping[Kind, Callable[[Axes, pd.DataFrame, PaperPoints], None]] = {
    Kind.over_budget: _over_budget,
    Kind.over_attempts: _over_attempts,
    Kind.over_ratio: _over_ratio,
}
