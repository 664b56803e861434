"""Measure a sweep over budgets and strategies against the same jobs one by one, and against the largest of them.

    python scripts/bench/sweep.py
    python scripts/bench/sweep.py --problems 20 --budgets 1,2,4,8,16

Every command runs in its own process with its own store, as it would from a shell; loading the models is part of its
time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from common import report, timed


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 100,
    budgets: Annotated[str, typer.Option(help="Powers of two, ascending.")] = "1,2,4,8,16,32,64,128,256",
    strategies: Annotated[
        str, typer.Option(help="The largest budget of each is also run by itself.")
    ] = "majority,best_of_n,beam",
) -> None:
    """Print the seconds of the sweep and of its largest single runs, and the ratios."""
    largest = budgets.split(",")[-1]
    limit = f"data.limit={problems}"
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        single = {
            name: _run(base / name, f"strategy={name}", f"budget={largest}", limit) for name in strategies.split(",")
        }
        parallel = [name for name in single if name != "beam"]
        shared = _run(base / "parallel", "-m", f"budget={budgets}", f"strategy={','.join(parallel)}", limit)
        whole = _run(base / "sweep", "-m", f"budget={budgets}", f"strategy={strategies}", limit)
        summaries = [json.loads(file.read_text()) for file in (base / "sweep").rglob("summary.json")]
    report(
        f"a sweep of {len(summaries)} jobs over {problems} problems",
        {
            **{f"{name} at budget {largest} only, s": seconds for name, seconds in single.items()},
            f"{' and '.join(parallel)} at every budget, s": shared,
            "the whole sweep, s": whole,
            "the whole sweep, inside its jobs, s": sum(summary["seconds"]["total"] for summary in summaries),
        },
        {
            "parallel_sweep_over_largest_run": shared / max(single[name] for name in parallel),
            "sweep_over_largest_run": whole / max(single.values()),
            # majority's samples are those of best_of_n
            "sweep_over_sum_of_largest_runs": whole
            / sum(seconds for name, seconds in single.items() if name != "majority"),
        },
    )


def _run(directory: Path, *arguments: str) -> float:
    """Run `ttc run ARGUMENTS`; return its wall time in seconds."""
    ttc = str(Path(sys.executable).with_name("ttc"))
    paths = [f"hydra.run.dir={directory}", f"hydra.sweep.dir={directory}", f"store.path={directory}.sqlite"]
    command = [ttc, "run", *arguments, *paths]
    _, seconds = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return seconds


if __name__ == "__main__":
    typer.run(main)
