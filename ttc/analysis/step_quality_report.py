"""The tables, files and figure of `ttc verifier`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ttc.analysis.first_error import FirstErrorScore
from ttc.analysis.formats import Cell, Column, ReportTable, Unit
from ttc.analysis.intervals import Interval
from ttc.analysis.rated_steps import ScoredSteps
from ttc.analysis.step_quality import FirstErrorQuality, StepQuality
from ttc.files import atomic_path, write_csv, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = (".png", ".svg")
_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
_FINE_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_MAX_ODDS = 8.0  # of thresholds at 0 or 1
_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#E69F00", "#009E73", "#767676"


def quality_tables(found: StepQuality, title: str = "") -> list[ReportTable]:
    """Return the tables: what was measured, first errors where possible, ranking and calibration, and reliability."""
    first = [] if found.first_errors is None else [_first_error_table(found.first_errors)]
    return [_size_table(found, title), *first, _measures_table(found), _reliability_table(found)]


def _size_table(found: StepQuality, title: str) -> ReportTable:
    names = ("solutions", "problems", "rated steps", "wrong steps", "left out")
    counts = (found.n_solutions, found.n_problems, found.n_steps, found.n_wrong_steps, found.n_left_out)
    notes = []
    if found.n_left_out:
        notes.append(
            "left out of all measures: solutions that exceed the verifier's context, whose later values would be those "
            "of their beginnings (partial scores); raise prm.max_model_len if the checkpoint allows it"
        )
    if found.first_errors is None:
        notes.append("no F1: it needs wrong and correct solutions that are labelled to the first wrong step")
    return ReportTable([Column(name, Unit.count) for name in names], [counts], title=title, notes=notes)


def write_quality(
    directory: Path, found: StepQuality, scored: Sequence[ScoredSteps], origin: Mapping[str, object]
) -> None:
    """Write step_quality.json, values.csv and step_quality.png and .svg into a directory.

    The values are those of the measured solutions; `origin` says what was measured on what, and goes into the JSON.

    Raises:
        OSError: the directory cannot be written.
    """
    import pandas as pd

    rows = [
        (one.solution.id, index, "" if label is None else "correct" if label else "wrong", value)
        for one in sorted(scored, key=lambda one: one.solution.id)
        if not one.partial_scores
        for index, (label, value) in enumerate(zip(one.solution.labels, one.values, strict=True))
        if value is not None
    ]
    write_csv(directory / "values.csv", pd.DataFrame(rows, columns=["id", "step", "label", "value"]))
    for suffix in IMAGES:
        with atomic_path(directory / f"step_quality{suffix}") as draft:
            draw_quality(found, draft, suffix)
    write_json(directory / "step_quality.json", {**origin, **found.to_json()})  # last: where it is, all is


def _first_error_table(found: FirstErrorQuality) -> ReportTable:
    columns = [
        Column("threshold"),
        Column("wrong solutions", Unit.percent),
        Column("correct solutions", Unit.percent),
        Column("F1", Unit.percent),
    ]
    rows: list[list[Cell]] = [_score_row("", found.fixed)]
    if found.cross_fitted is not None:
        rows.append(_score_row("best on the other half: ", found.cross_fitted))
    if found.position is not None:
        rows.append(["position alone", *(cell.mean for cell in _cells(found.position))])
    rows.append(["chance", *found.chance])
    notes = [
        "accuracy on wrong solutions: the first value below the threshold is that of the first wrong step; on correct "
        "ones: no value is below; F1 is their harmonic mean (ProcessBench)",
        "chance: the n steps and 'no error' are equally likely; predicting 'no error' always has F1 0",
        "position alone: values that fall with the index of the step, at thresholds chosen likewise",
    ]
    title = f"finding the first wrong step, %: {found.n_wrong:,} wrong and {found.n_correct:,} correct solutions"
    return ReportTable(columns, rows, title=title, notes=notes)


def _score_row(name: str, score: FirstErrorScore) -> list[Cell]:
    return [name + " and ".join(f"{threshold:.3g}" for threshold in score.thresholds), *_cells(score)]


def _cells(score: FirstErrorScore) -> tuple[Interval, Interval, Interval]:
    return score.wrong, score.correct, score.f1


def _measures_table(found: StepQuality) -> ReportTable:
    columns = [
        Column("measure"),
        Column("value", Unit.correlation),
        Column("chance", Unit.correlation),
        Column("position alone", Unit.correlation),
    ]
    rows: list[list[Cell]] = [
        [name, measure.value, measure.chance, measure.position] for name, measure in found.measures.items()
    ]
    rate = 1 - found.n_wrong_steps / found.n_steps
    notes = [
        f"{rate:.3f} of the rated steps are correct (base rate); the Brier score's chance is that of this constant",
        "solutions are ranked by their lowest value, which is lower where there are more: their chance is that of "
        "values drawn independently for each step",
        "position alone: values fall with the index of the step; where labels end at the first wrong step, that is the "
        "last rated one of its solution",
    ]
    return ReportTable(columns, rows, title="ranking and calibration", notes=notes)


def _reliability_table(found: StepQuality) -> ReportTable:
    columns = [
        Column("value"),
        Column("steps", Unit.count),
        Column("mean value", Unit.correlation),
        Column("correct", Unit.correlation),
    ]
    rows: list[list[Cell]] = [
        [f"{b.low:.1f} to {b.high:.1f}", b.n, b.score, share]
        for b, share in zip(found.reliability, found.shares, strict=True)
    ]
    return ReportTable(columns, rows, title="rated steps by value")


def draw_quality(found: StepQuality, path: Path, suffix: str) -> None:
    """Draw the reliability diagram and, where it is measured, F1 by threshold; `suffix` is .png or .svg."""
    from matplotlib.figure import Figure

    panels = 1 if found.first_errors is None else 2
    figure = Figure(figsize=(4.6 * panels, 4.2), layout="constrained")
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    _draw_reliability(found, axes[0])
    if found.first_errors is not None:
        _draw_first_errors(found.first_errors, axes[1])
    for panel in axes:
        panel.grid(alpha=0.25)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.savefig(path, format=suffix[1:], dpi=150, metadata={"Date": None} if suffix == ".svg" else None)


def _draw_reliability(found: StepQuality, axes: Axes) -> None:
    bins = found.reliability
    largest = max(b.n for b in bins)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, label="calibrated")
    rate = 1 - found.n_wrong_steps / found.n_steps
    axes.axhline(rate, color=_GREY, linestyle=":", linewidth=1, label=f"base rate {rate:.2f}")
    x, y = [b.score for b in bins], [b.correct for b in bins]
    errors = [[s.mean - s.lo for s in found.shares], [s.hi - s.mean for s in found.shares]]
    axes.errorbar(x, y, yerr=errors, color=_BLUE, linewidth=1)
    axes.scatter(x, y, s=[12 + 120 * b.n / largest for b in bins], color=_BLUE, label="verifier (area: steps)")
    axes.set(xlabel="value of a step", ylabel="share of correct steps", title="calibration")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.legend(frameon=False, fontsize="small", loc="best")


def _draw_first_errors(found: FirstErrorQuality, axes: Axes) -> None:
    """Draw the accuracies over log-odds of the threshold, as far as they change."""
    curve = found.curve
    series = (
        ("wrong solutions", curve.wrong, _ORANGE, "--"),
        ("correct solutions", curve.correct, _GREEN, "-."),
        ("F1", curve.f1, _BLUE, "-"),
    )
    odds = [_log_odds(threshold) for threshold in curve.thresholds]
    for name, shares, colour, line in series:
        axes.plot(odds, [100 * share for share in shares], line, color=colour, label=name)
    axes.axhline(100 * found.chance[2], color=_GREY, linestyle=":", linewidth=1, label="F1 of a random guess")
    if found.cross_fitted is not None:
        for threshold in found.cross_fitted.thresholds:
            axes.plot([_log_odds(threshold)], [-3], "^", color=_BLUE, clip_on=False, markersize=5)
    states = list(zip(curve.wrong, curve.correct, strict=True))
    moving = [n for n in range(1, len(states)) if states[n] != states[n - 1]] or [0, len(states) - 1]
    shown = (max(moving[0] - 20, 0), min(moving[-1] + 20, len(odds) - 1))
    ticks = _TICKS if odds[shown[1]] - odds[shown[0]] > _MAX_ODDS else _FINE_TICKS
    axes.set_xticks([_log_odds(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set(xlabel="threshold (▲ chosen on each half)", ylabel="accuracy, %", title="first wrong step")
    axes.set(xlim=(odds[shown[0]], odds[shown[1]]), ylim=(-3, 103))
    axes.legend(frameon=False, fontsize="small", loc="best")


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share)) if 0 < share < 1 else math.copysign(_MAX_ODDS, share - 0.5)
