"""Measure two worker processes against one on the same problems, each run in a fresh process without a store.

    python scripts/bench/workers.py
    python scripts/bench/workers.py --problems 8 --budget 8 --rounds 1 --strategy best_of_n

Workers split the machine's threads evenly. OMP_NUM_THREADS would give each of them as many as the single process, so it
is not passed on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any

import typer
from common import ratios_of, report, timed


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 64,
    budget: Annotated[int, typer.Option(help="Generations per problem.")] = 16,
    strategy: Annotated[str, typer.Option(help="Strategy with its default settings.")] = "beam",
    workers: Annotated[int, typer.Option(help="Worker processes that are compared with one.")] = 2,
    rounds: Annotated[int, typer.Option(help="Alternations of the two; medians are reported.")] = 3,
) -> None:
    """Print the seconds of both with and without loading, and the ratios."""
    counts = (1, workers)
    commands: dict[int, list[float]] = {count: [] for count in counts}
    solving: dict[int, list[float]] = {count: [] for count in counts}
    accuracies: dict[int, list[float]] = {count: [] for count in counts}
    shared = [f"strategy={strategy}", f"budget={budget}", f"data.limit={problems}"]
    for seed in range(rounds):
        for count in counts:
            summary, seconds = timed(partial(_run, *shared, f"workers={count}", f"seed={seed}"))
            commands[count].append(seconds)
            solving[count].append(summary["seconds"]["total"] - summary["seconds"]["load"])
            accuracies[count].append(summary["accuracy"])
    figures: dict[str, float | str] = {}
    for count in counts:
        figures[f"workers={count}: command, s"] = median(commands[count])
        figures[f"workers={count}: without loading, s"] = median(solving[count])
        figures[f"workers={count}: accuracy"] = mean(accuracies[count])
    report(
        f"{strategy}, N={budget}, {problems} problems, {rounds} rounds",
        figures,
        ratios_of("speed_over_one_worker", solving[1], solving[workers])
        | ratios_of("speed_over_one_worker_with_loading", commands[1], commands[workers]),
    )


def _run(*overrides: str) -> dict[str, Any]:
    """Run `ttc run OVERRIDES`; return the content of summary.json."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ttc = str(Path(sys.executable).with_name("ttc"))
    with tempfile.TemporaryDirectory() as scratch:
        command = [ttc, "run", *overrides, "store=off", f"hydra.run.dir={scratch}/run"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        summary: dict[str, Any] = json.loads((Path(scratch) / "run" / "summary.json").read_text())
    return summary


if __name__ == "__main__":
    typer.run(main)
