#!/usr/bin/env python
"""Does memory grow with the number of problems? Peak memory of whole runs with scripted engines, store included.

Each size runs in a process of its own; texts are as long as real ones.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from bench_common import told
from scripted import ScriptedEngine

from ttc.engines.base import Draw
from ttc.hashing import seed_of
from ttc.types import FinishReason, Problem, Reply, Request, Sample, Step

STEP_TOKENS = 30


@dataclass
class Scripted:
    """A config of an engine without weights: solutions of six steps, values at random."""

    model: str

    def start(self) -> ScriptedEngine:
        """Make the engine."""
        return ScriptedEngine(answered, per_poll=256)


def answered(request: Request, draw: Draw) -> Reply:
    """A solution with one of ten answers, or a value."""
    number = seed_of(request.trace.problem.id, request.trace.text, draw)
    if not isinstance(request, Sample):
        return (number % 1000) / 1000
    texts = [f"step {n} of draw {draw.index}: {'x' * 80} = {number % 97}\n" for n in range(5)]
    texts.append(f"The answer is $\\boxed{{{number % 10}}}$.")
    steps = tuple(Step(text, tuple(range(300, 300 + STEP_TOKENS))) for text in texts)
    return request.trace.extended(steps, FinishReason.STOP)


@dataclass
class Questions:
    """As many problems as wanted."""

    count: int
    name: str = "scripted"

    @property
    def available(self) -> int:
        """How many there are."""
        return self.count

    def load(self) -> list[Problem]:
        """Return them."""
        return [Problem(f"p{n}", f"What is $f({n})$? " + "y" * 200, str(n % 10), n % 5 + 1) for n in range(self.count)]


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of problems.")] = "100,5000",
    budget: Annotated[int, typer.Option(help="Samples a problem.")] = 64,
    only: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print the peak memory at each size, and its growth."""
    if only is not None:
        print(_peak(only, budget))
        return
    counts = [int(size) for size in sizes.split(",")]
    peaks = {}
    for count in counts:
        command = [sys.executable, __file__, "--only", str(count), "--budget", str(budget)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[count] = float(done.stdout.split()[-1])
    told(
        f"peak memory at budget {budget}",
        {f"{count} problems, MB": peak for count, peak in peaks.items()},
        {"growth_mb": peaks[counts[-1]] - peaks[counts[0]]},
    )


def _peak(count: int, budget: int) -> float:
    from ttc.config import RunConfig
    from ttc.difficulty.bins import OracleDifficulty
    from ttc.execution.experiment import run
    from ttc.store.database import SqliteStore
    from ttc.strategies.parallel import BestOfN

    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        config = RunConfig(
            strategy=BestOfN(),
            generator=Scripted("generator"),
            prm=Scripted("verifier"),
            data=Questions(count),
            difficulty=OracleDifficulty(),
            store=SqliteStore(f"{scratch}/store.sqlite"),
            budget=budget,
        )
        summary = run(config, Path(scratch) / "run")
    print(json.dumps(summary["seconds"]), file=sys.stderr)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    typer.run(main)
