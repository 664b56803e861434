"""Hold the values of every verifier family in vLLM against transformers, on tiny checkpoints with random weights.

    python scripts/tools/verifier_table.py                       # 100 random solutions for each family
    python scripts/tools/verifier_table.py --tokenizer DIR       # with a real model's tokenizer in place of small ones
    python scripts/tools/verifier_table.py --checkpoint DIR --on FILE  # one that `ttc train` made, on rated solutions

Every solution is scored step after step, as a search does. The exit code is 1 if any value differs by 1e-4 or more.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ttc.data.step_labels import read_step_labels
from ttc.engines.environment import silence
from ttc.engines.verifier import VllmVerifier
from ttc.terminal import plain_table
from ttc.types import FinishReason, Problem, Step, Trace

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))
silence()

TOLERANCE = 1e-4
SMALL_CACHE = {"num_gpu_blocks_override": 1024}  # all families' engines stay in memory


def main(
    traces: Annotated[int, typer.Option(help="Random solutions for each family.", min=1)] = 100,
    tokenizer: Annotated[Path | None, typer.Option(help="Directory with a tokenizer.", exists=True)] = None,
    only: Annotated[str, typer.Option(help="A family's name; all by default.")] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="A trained verifier instead, in the plain format.")] = None,
    on: Annotated[Path | None, typer.Option(help="Its solutions: rated steps, as for `ttc verifier`.")] = None,
) -> None:
    """Print one row for each family and architecture."""
    from transformers.utils import logging
    from verifier_checkpoints import FAMILIES, build
    from verifier_values import compared, random_traces

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    solutions = random_traces(traces) if on is None else rated_traces(on, traces)
    table = plain_table("family", "architecture", right=("values", "from", "to", "max difference", "cached"))
    worst = 0.0
    with tempfile.TemporaryDirectory() as directory:

        def verifiers() -> Iterator[tuple[str, str, VllmVerifier]]:
            if checkpoint is not None:
                yield checkpoint.name, "", VllmVerifier(model=str(checkpoint))
                return
            for number, family in enumerate(family for family in FAMILIES if only in ("", family.name)):
                built = build(family, Path(directory) / str(number), tokenizer)
                yield family.name, family.architecture, replace(built, engine_args=SMALL_CACHE)

        for name, architecture, verifier in verifiers():
            verifier.check()
            found = compared(verifier, solutions)
            worst = max(worst, found.largest)
            table.add_row(
                *(name, architecture, str(found.values), f"{found.lowest:.3f}", f"{found.highest:.3f}"),
                *(f"{found.largest:.1e}", f"{found.cached:.0%}"),
            )
    Console(width=120).print(table)
    raise typer.Exit(int(worst >= TOLERANCE))


def rated_traces(file: Path, count: int) -> list[Trace]:
    """Return the first solutions of a file of rated steps."""
    return [
        Trace(Problem(found.id, found.question, ""), tuple(Step(text, ()) for text in found.steps), FinishReason.STOP)
        for found in read_step_labels(file)[:count]
    ]


if __name__ == "__main__":
    typer.run(main)
