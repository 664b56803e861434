"""`ttc optimal`: compute-optimal selection from finished runs."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from ttc.cli.choices import chosen


def optimal(
    runs: Annotated[list[Path], typer.Argument(help="Finished runs and sweeps: strategies x budgets x seeds.")],
    menu: Annotated[
        str | None, typer.Option(help="search, revisions or joint; default: whatever the runs are.")
    ] = None,
    selection: Annotated[list[str] | None, typer.Option(help="A run's own by default; repeatable.")] = None,
    baseline: Annotated[str | None, typer.Option(help="The strategy to compare with; default: best_of_n.")] = None,
    difficulty: Annotated[
        list[str] | None, typer.Option(help="oracle, predicted, or a table of `ttc difficulty`; repeatable.")
    ] = None,
    difficulty_from: Annotated[
        list[Path] | None, typer.Option(help="Runs of independent samples to measure difficulties from.")
    ] = None,
    probes: Annotated[int, typer.Option(help="Samples of the predicted difficulty whose cost is charged.")] = 4,
    split: Annotated[float | None, typer.Option(help="Choose on this share of the problems, measure the rest.")] = None,
    held_out: Annotated[list[Path] | None, typer.Option(help="Choose on these runs of other problems.")] = None,
    splits: Annotated[int, typer.Option(help="Random splits of the two-fold cross-validation.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the splits.")] = 0,
    policy: Annotated[Path | None, typer.Option(help="Write the policy for strategy=compute_optimal here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw accuracy over budget here (.svg, .png or .pdf).")] = None,
    table_format: Annotated[str, typer.Option("--format", help="text, md, csv or latex.")] = "text",
) -> None:
    """Find the compute-optimal strategy per difficulty bin and budget, by cross-validation, and what it saves."""
    from ttc.analysis.formats import TableFormat, print_tables
    from ttc.analysis.menu import MenuKind
    from ttc.analysis.optimal_plot import draw_study
    from ttc.analysis.optimal_report import make_policy, policy_comment, study_tables
    from ttc.analysis.study import RunSets, StudySettings, study
    from ttc.files import atomic_path, check_output, written_for
    from ttc.progress_bar import ProgressBar
    from ttc.runs.finding import find_runs

    kind = None if menu is None else chosen(MenuKind, "--menu", menu)
    settings = StudySettings(selection or (), kind, baseline, difficulty or (), probes, split, splits, seed)
    settings.check()
    chosen_format = chosen(TableFormat, "--format", table_format)
    for path, option in ((policy, "--policy"), (plot, "--plot")):
        if path is not None:
            check_output(path, option)
    sets = RunSets(find_runs(runs), find_runs(held_out or ()), find_runs(difficulty_from or ()))
    total = len(sets.measured) + len(sets.held_out)
    with ProgressBar("reading runs", total) as bar:
        done = count(1)
        found = study(sets, settings, on_run=lambda run: bar.show(next(done)) if bar.is_due else None)
    print_tables(study_tables(found), chosen_format)
    if policy is not None:
        made = make_policy(found, probes)
        with written_for(policy, "--policy"):
            made.save(policy, policy_comment(found, probes))
    if plot is not None:
        with written_for(plot, "--plot"), atomic_path(plot) as draft:
            draw_study(found, draft, plot.suffix)
