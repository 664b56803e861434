"""Measure how peak memory grows with the number of problems, over whole runs with scripted engines and a store.

    python scripts/bench/memory.py
    python scripts/bench/memory.py --sizes 100,1000 --budget 16

Each size runs in its own process; texts are as long as real ones.
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
from common import report

from ttc.config import RunConfig
from ttc.data.base import Dataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.base import Draw, Generator, Verifier
from ttc.execution.experiment import run_experiment
from ttc.hashing import seed_of
from ttc.store.database import SqliteStore
from ttc.strategies.parallel import BestOfN
from ttc.types import FinishReason, Problem, Reply, Request, Sample, Step

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/support"))

from scripted import ScriptedEngine

STEP_TOKENS = 30


def answer(request: Request, draw: Draw) -> Reply:
    """Return a solution of six steps with one of ten answers, or a pseudo-random value."""
    number = seed_of(request.trace.problem.id, request.trace.text, draw)
    if not isinstance(request, Sample):
        return (number % 1000) / 1000
    texts = [f"step {n} of draw {draw.index}: {'x' * 80} = {number % 97}\n" for n in range(5)]
    texts.append(f"The answer is $\\boxed{{{number % 10}}}$.")
    steps = tuple(Step(text, tuple(range(300, 300 + STEP_TOKENS))) for text in texts)
    return request.trace.extended(steps, FinishReason.STOP)


@dataclass
class ScriptedGenerator(Generator):
    """A generator without weights."""

    @property
    def name(self) -> str:
        return "scripted generator"

    def start(self) -> ScriptedEngine:
        return ScriptedEngine(answer, per_poll=256)


@dataclass
class ScriptedVerifier(Verifier):
    """A verifier without weights."""

    @property
    def name(self) -> str:
        return "scripted verifier"

    def start(self) -> ScriptedEngine:
        return ScriptedEngine(answer, per_poll=256)


@dataclass
class Questions(Dataset):
    """As many problems as wanted."""

    name: str = "scripted"
    count: int = 1

    def read(self) -> list[Problem]:
        return [Problem(f"p{n}", f"What is $f({n})$? " + "y" * 200, str(n % 10), n % 5 + 1) for n in range(self.count)]


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of problems, separated by commas.")] = "100,5000",
    budget: Annotated[int, typer.Option(help="Samples per problem.")] = 64,
    only: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print the peak memory at each size, and its growth from the first to the last."""
    if only is not None:
        print(_peak(only, budget))
        return
    counts = [int(size) for size in sizes.split(",")]
    peaks = {}
    for count in counts:
        command = [sys.executable, __file__, "--only", str(count), "--budget", str(budget)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[count] = float(done.stdout.split()[-1])
    report(
        f"peak memory at budget {budget}",
        {f"{count} problems, MB": peak for count, peak in peaks.items()},
        {"growth_mb": peaks[counts[-1]] - peaks[counts[0]]},
    )


def _peak(count: int, budget: int) -> float:
    """Run `count` problems in this process; return its peak memory in MB."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        config = RunConfig(
            strategy=BestOfN(),
            generator=ScriptedGenerator(),
            prm=ScriptedVerifier(),
            data=Questions(count=count),
            difficulty=OracleDifficulty(),
            store=SqliteStore(f"{scratch}/store.sqlite"),
            budget=budget,
        )
        summary = run_experiment(config, Path(scratch) / "run")
    print(json.dumps(summary["seconds"]), file=sys.stderr)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    typer.run(main)
