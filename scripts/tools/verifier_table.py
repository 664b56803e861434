"""Hold the values of every verifier family in vLLM against transformers, on tiny checkpoints with random weights.

    python scripts/tools/verifier_table.py                       # 100 random solutions for each family
    python scripts/tools/verifier_table.py --tokenizer DIR       # with a real model's tokenizer in place of small ones

Every solution is scored step after step, as a search does. The exit code is 1 if any value differs by 1e-4 or more.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ttc.engines.environment import silence
from ttc.terminal import plain_table

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))
silence()

TOLERANCE = 1e-4
SMALL_CACHE = {"num_gpu_blocks_override": 1024}  # all families' engines stay in memory


def main(
    traces: Annotated[int, typer.Option(help="Random solutions for each family.", min=1)] = 100,
    tokenizer: Annotated[Path | None, typer.Option(help="Directory with a tokenizer.", exists=True)] = None,
    only: Annotated[str, typer.Option(help="A family's name; all by default.")] = "",
) -> None:
    """Print one row for each family and architecture."""
    from transformers.utils import logging
    from verifier_checkpoints import FAMILIES, build
    from verifier_values import compared, random_traces

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    solutions = random_traces(traces)
    table = plain_table("family", "architecture", right=("values", "from", "to", "max difference", "cached"))
    worst = 0.0
    with tempfile.TemporaryDirectory() as directory:
        for number, family in enumerate(family for family in FAMILIES if only in ("", family.name)):
            verifier = replace(build(family, Path(directory) / str(number), tokenizer), engine_args=SMALL_CACHE)
            verifier.check()
            found = compared(verifier, solutions)
            worst = max(worst, found.largest)
            table.add_row(
                *(family.name, family.architecture, str(found.values), f"{found.lowest:.3f}", f"{found.highest:.3f}"),
                *(f"{found.largest:.1e}", f"{found.cached:.0%}"),
            )
    Console(width=120).print(table)
    raise typer.Exit(int(worst >= TOLERANCE))


if __name__ == "__main__":
    typer.run(main)
