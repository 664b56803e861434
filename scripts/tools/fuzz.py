"""Give every command bad inputs, and the grader hostile completions: nothing hangs, nothing ends in a traceback.

    python scripts/tools/fuzz.py inputs                     # 300 bad inputs; those that load a model as real processes
    python scripts/tools/fuzz.py inputs --short             # some 100, none of which loads a model
    python scripts/tools/fuzz.py completions                # 10,000 hostile completions

A bad input may only end with exit code 2 or 1 and one line "error: ..." on stderr, without a draft or a file in a
wrong place. The exit code of this script is 1 if anything else happens.
"""

from __future__ import annotations

import os
import random
import shlex
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from fuzzing.broken_files import checkpoint_templates, data_templates, grade_templates, import_templates
from fuzzing.broken_results import run_directory_templates, store_templates
from fuzzing.cases import Case, draws
from fuzzing.completions import grade_hostile_completions
from fuzzing.overrides import override_templates, usage_templates
from fuzzing.trying import Outcome, try_in_process, try_in_workers
from rich.console import Console

from ttc.terminal import plain_table, printable_line

os.environ["HF_HUB_OFFLINE"] = "1"

SHARES = {
    "overrides": (override_templates, 0.32),
    "arguments": (usage_templates, 0.15),
    "data files": (data_templates, 0.18),
    "graded files": (grade_templates, 0.06),
    "imported files": (import_templates, 0.05),
    "checkpoints": (checkpoint_templates, 0.10),
    "run directories": (run_directory_templates, 0.10),
    "stores": (store_templates, 0.04),
}
REAL_EVERY = 30  # one case of so many is tried as a real process too

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def inputs(
    cases: Annotated[int, typer.Option(help="Number of bad inputs.")] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the inputs.")] = 0,
    short: Annotated[bool, typer.Option("--short", help="Start no real processes, and load no model.")] = False,
    limit: Annotated[float, typer.Option(help="Seconds for one command.")] = 60,
    real_limit: Annotated[float, typer.Option(help="Seconds for one command that loads a model.")] = 180,
    workers: Annotated[int, typer.Option(help="Processes that try inputs.")] = 2,
) -> None:
    """Try bad inputs of every command."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        outcomes: dict[str, list[Outcome]] = {}
        for kind, (templates, share) in SHARES.items():
            drawn = list(draws(templates(), round(cases * share), rng))
            outcomes[kind] = list(try_in_workers(drawn, Path(scratch) / kind, workers, limit))
        if not short:
            real = _chosen_for_real([outcome for found in outcomes.values() for outcome in found])
            directory = Path(scratch) / "real"
            outcomes["real processes"] = [
                try_in_process(case, directory / str(number), real_limit) for number, case in enumerate(real)
            ]
    _report(outcomes)
    if any(outcome.failure for found in outcomes.values() for outcome in found):
        raise typer.Exit(1)


def _chosen_for_real(outcomes: Sequence[Outcome]) -> list[Case]:
    """Return a sample of the cases, and those that would have loaded a model."""
    sample = [outcome for number, outcome in enumerate(outcomes) if number % REAL_EVERY == 0 or outcome.kind == "loads"]
    return [outcome.case for outcome in sample]


def _report(outcomes: dict[str, list[Outcome]]) -> None:
    console = Console(highlight=False)
    kinds = ("refused", "accepted", "loads", "failed")
    grid = plain_table("input", right=("cases", *kinds, "slowest, s"))
    for name, found in outcomes.items():
        counts = Counter(outcome.kind for outcome in found)
        slowest = max((outcome.seconds for outcome in found), default=0.0)
        grid.add_row(name, str(len(found)), *(str(counts[kind]) for kind in kinds), f"{slowest:.1f}")
    console.print(grid)
    for name, found in outcomes.items():
        for outcome in found:
            if outcome.failure:
                line = printable_line(f"ttc {shlex.join(outcome.case.arguments)}", 300)
                print(f"{name}: {line}\n    {printable_line(outcome.failure, 400)}")


@app.command()
def completions(
    count: Annotated[int, typer.Option(help="Number of completions.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the completions.")] = 0,
    limit: Annotated[float, typer.Option(help="Seconds for one completion in the main process.")] = 1.0,
    total_limit: Annotated[float, typer.Option(help="Seconds for all.")] = 3600,
    memory_gb: Annotated[float, typer.Option(help="Memory of the largest process.")] = 1.0,
) -> None:
    """Grade hostile completions, and look for what their code would have left."""
    failures = grade_hostile_completions(count, seed, limit, total_limit, memory_gb)
    for failure in failures:
        print(f"failed: {printable_line(failure, 400)}")
    if failures:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
