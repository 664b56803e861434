"""What a sweep leaves when its last job is done: one merged table, sweep.csv, and a line for each job."""

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
        merge(Path(config.hydra.sweep.dir))


def merge(directory: Path) -> None:
    """Write `directory/sweep.csv` and print it in short; a sweep without a finished job leaves nothing.

    sweep.csv has the rows of every job's accuracy.csv, with the job's directory, its overrides, and what it spent.
    """
    import pandas as pd

    from ttc.analysis.compare import compare, find_runs, show_comparison
    from ttc.analysis.report import show_sweep, write_csv

    if not any(directory.rglob("summary.json")):
        return
    runs = find_runs([directory])
    tables = []
    for run in runs:
        job, summary, swept = run.directory, run.summary, run.overrides
        spent = {
            "generations": summary["generations"],
            **{f"{name}_flops": summary["flops"][name] for name in ("paper", "full")},
            "seconds": summary["seconds"]["total"],
        }
        table = pd.read_csv(job / "accuracy.csv")
        fixed = pd.DataFrame([{"job": str(job.relative_to(directory)), **swept} | spent] * len(table))
        tables.append(pd.concat([fixed[["job", *swept]], table, fixed[[*spent]]], axis=1))
    write_csv(directory / "sweep.csv", pd.concat(tables, ignore_index=True))
    show_sweep(directory, [(run.overrides, run.summary) for run in runs])
    seeds = {run.summary["seed"] for run in runs}
    if len(seeds) > 1:
        Console().print(f"\n{len(seeds)} seeds averaged")
        show_comparison(compare(runs))
