"""Write the pass@1 table {id: share of correct samples} of a majority or best_of_n run.

The package ships the pocket's table, which was made by:

    scripts/ttc run strategy=majority budget=64 seed=100 data.limit=null hydra.run.dir=outputs/pass1
    python scripts/tools/pass1_table.py outputs/pass1 ttc/pocket/pass1.json
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.difficulty.table import DifficultyKind, measured_difficulty
from ttc.files import write_json
from ttc.runs.finding import find_runs


def main(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    out: Annotated[Path, typer.Argument(help="JSON file to write.")],
) -> None:
    """Write the table."""
    write_json(out, dict(measured_difficulty(DifficultyKind.oracle, find_runs([run])).values))


if __name__ == "__main__":
    typer.run(main)
