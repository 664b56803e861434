"""`ttc merge`: the runs of parts of one problem set become one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    runs: Annotated[list[Path], typer.Argument(help="Runs of data.shard=1/N .. N/N, or directories that hold them.")],
    out: Annotated[Path, typer.Option(help="The run directory to write.")],
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Merge what there is; a note names the shards that are missing.")
    ] = False,
) -> None:
    """Merge the runs of shards into the run of all problems: tables, bins and intervals are computed anew."""
    from ttc.analysis.display import headline, show_run
    from ttc.app.merging import merge_runs

    merged = merge_runs(runs, out, allow_missing=allow_missing)
    summary = merged.summary
    show_run(headline(summary, summary["n_problems"], summary["n_problems_available"]), merged.table, summary)
