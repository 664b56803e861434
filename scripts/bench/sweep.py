#!/usr/bin/env python
"""A sweep over budgets and strategies against the same jobs one by one, and against the largest of them.

Every command is a process of its own with a store of its own, as a user would run it; loading is part of the time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from bench_common import timed, told


def main(
    problems: Annotated[int, typer.Option(help="Problems of the pocket's test set.")] = 100,
    budgets: Annotated[str, typer.Option(help="Powers of two.")] = "1,2,4,8,16,32,64,128,256",
    strategies: Annotated[
        str, typer.Option(help="The last budget of each is also run alone.")
    ] = "majority,best_of_n,beam",
) -> None:
    """Print the seconds of the sweep and of its largest single runs, and their ratios."""
    largest = budgets.split(",")[-1]
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        limit = f"data.limit={problems}"
        single = {
            name: _run(base / name, f"strategy={name}", f"budget={largest}", limit) for name in strategies.split(",")
        }
        parallel = [name for name in single if name != "beam"]
        shared = _run(base / "parallel", "-m", f"budget={budgets}", f"strategy={','.join(parallel)}", limit)
        whole = _run(base / "sweep", "-m", f"budget={budgets}", f"strategy={strategies}", limit)
        jobs = len(list((base / "sweep").rglob("summary.json")))
        seconds = [json.loads(f.read_text())["seconds"]["total"] for f in (base / "sweep").rglob("summary.json")]
    told(
        f"a sweep of {jobs} jobs over {problems} problems",
        {
            **{f"{name}, budget {largest} alone, s": taken for name, taken in single.items()},
            f"{' and '.join(parallel)} at every budget, s": shared,
            "the whole sweep, s": whole,
            "of it, inside jobs, s": sum(seconds),
        },
        {
            "parallel_sweep_over_largest_run": shared / max(single[name] for name in parallel),
            "sweep_over_largest_run": whole / max(single.values()),
            "sweep_over_sum_of_largest_runs": whole
            / sum(taken for name, taken in single.items() if name != "majority"),
        },
    )


def _run(directory: Path, *arguments: str) -> float:
    ttc = str(Path(sys.executable).with_name("ttc"))
    where = [f"hydra.run.dir={directory}", f"hydra.sweep.dir={directory}", f"store.path={directory}.sqlite"]
    _, seconds = timed(
        lambda: subprocess.run([ttc, "run", *arguments, *where], check=True, stdout=subprocess.DEVNULL, env=os.environ)
    )
    return seconds


if __name__ == "__main__":
    typer.run(main)
