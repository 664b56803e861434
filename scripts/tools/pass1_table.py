#!/usr/bin/env python
"""Write the pass@1 table {id: share of right samples} of a majority or best_of_n run; the pocket ships one.

scripts/ttc run strategy=majority budget=64 seed=100 data.limit=null hydra.run.dir=outputs/pass1
python scripts/pass1_table.py outputs/pass1 ttc/pocket/pass1.json
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ttc.analysis.display import write_json
from ttc.difficulty.bins import read_pass1


def main(
    run: Annotated[Path, typer.Argument(help="The run's directory.")],
    out: Annotated[Path, typer.Argument(help="The JSON file to write.")],
) -> None:
    """Write the table."""
    write_json(out, read_pass1(run))


if __name__ == "__main__":
    typer.run(main)
