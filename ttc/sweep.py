"""What a sweep leaves when its last job is done: one merged table, sweep.csv, and a line for each job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf


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

    from ttc.analysis.report import show_sweep, write_csv

    jobs = [(path.parent, json.loads(path.read_text())) for path in sorted(directory.rglob("summary.json"), key=_order)]
    if not jobs:
        return
    overrides = [_overrides(job) for job, _ in jobs]
    tables = []
    for (job, summary), swept in zip(jobs, overrides, strict=True):
        spent = {
            "generations": summary["generations"],
            **{f"{name}_flops": summary["flops"][name] for name in ("paper", "full")},
            "seconds": summary["seconds"]["total"],
        }
        table = pd.read_csv(job / "accuracy.csv")
        fixed = pd.DataFrame([{"job": str(job.relative_to(directory)), **swept} | spent] * len(table))
        tables.append(pd.concat([fixed[["job", *swept]], table, fixed[[*spent]]], axis=1))
    write_csv(directory / "sweep.csv", pd.concat(tables, ignore_index=True))
    show_sweep(directory, [(swept, summary) for (_, summary), swept in zip(jobs, overrides, strict=True)])


def _overrides(job: Path) -> dict[str, str]:
    """What the job's command line said: `{"budget": "4"}`."""
    given = OmegaConf.to_object(OmegaConf.load(job / ".hydra" / "overrides.yaml"))
    assert isinstance(given, list)
    return dict(str(override).lstrip("+~").partition("=")[::2] for override in given)


def _order(path: Path) -> tuple[int, str]:
    """Jobs by number, however many there are."""
    name = path.parent.name
    return (int(name) if name.isdigit() else -1, str(path))
