"""What a sweep leaves when its last job is done: one merged table, sweep.csv, and one printed line per job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console


class SweepTable(Callback):
    """Hydra calls this at the end of every multirun, whatever launcher ran the jobs."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Merge the tables of the jobs in the sweep's directory."""
        merge_tables(Path(config.hydra.sweep.dir))


def merge_tables(directory: Path) -> None:
    """Write `directory/sweep.csv` and print its summary; a sweep without a finished job leaves nothing.

    sweep.csv has the rows of every job's accuracy.csv, with the job's directory, its overrides, and what it cost.
    """
    import pandas as pd

    from ttc.analysis.compare import compare_runs
    from ttc.analysis.display import show_comparison, show_sweep
    from ttc.files import write_csv
    from ttc.runs.directory import SUMMARY, RunDirectory
    from ttc.runs.finding import find_runs

    if not any(directory.rglob(SUMMARY)):
        return
    runs = find_runs([directory])
    tables = []
    for run in runs:
        job, summary, swept = run.directory, run.summary, run.overrides
        cost = {
            "generations": summary["generations"],
            **{f"{name}_flops": summary["flops"][name] for name in ("paper", "full")},
            "seconds": summary["seconds"]["total"],
        }
        table = pd.read_csv(RunDirectory(job).accuracy_file)
        fixed = pd.DataFrame([{"job": str(job.relative_to(directory)), **swept} | cost] * len(table))
        tables.append(pd.concat([fixed[["job", *swept]], table, fixed[[*cost]]], axis=1))
    write_csv(directory / "sweep.csv", pd.concat(tables, ignore_index=True))
    show_sweep(directory, [(run.overrides, run.summary) for run in runs])
    seeds = {run.summary["seed"] for run in runs}
    if len(seeds) > 1:
        Console().print(f"\nmeans over {len(seeds)} seeds")
        show_comparison(compare_runs(runs))
