"""What a sweep leaves when its last job is done: one merged table, sweep.csv, and one printed line per job."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from ttc.errors import UserError
from ttc.runs.finding import Run

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class SweepTable(Callback):
    """Hydra calls this at the end of every multirun, whatever launcher ran the jobs."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Merge the tables of the jobs in the sweep's directory."""
        try:
            merge_tables(Path(config.hydra.sweep.dir))
        except (UserError, OSError) as error:  # the jobs themselves are done
            log.warning("no sweep.csv: %s", error)


def merge_tables(directory: Path) -> None:
    """Write `directory/sweep.csv` and print its summary; a sweep without a finished job leaves nothing.

    sweep.csv has the rows of every job's accuracy.csv, with the job's directory, its overrides, and what it cost.
    """
    import pandas as pd

    from ttc.analysis.compare import compare_runs
    from ttc.analysis.comparison_report import comparison_report
    from ttc.analysis.display import show_sweep
    from ttc.analysis.formats import print_tables
    from ttc.files import write_csv
    from ttc.runs.directory import SUMMARY
    from ttc.runs.finding import find_runs

    if not any(directory.rglob(SUMMARY)):
        return
    runs = find_runs([directory])
    tables = [_job_table(run, directory) for run in runs]
    write_csv(directory / "sweep.csv", pd.concat(tables, ignore_index=True))
    show_sweep(directory, [(run.overrides, run.summary) for run in runs])
    seeds = {run.summary["seed"] for run in runs}
    if len(seeds) > 1:
        Console().print(f"\nmeans over {len(seeds)} seeds")
        print_tables([comparison_report(compare_runs(runs))])


def _job_table(run: Run, directory: Path) -> pd.DataFrame:
    """Return a job's accuracy.csv between its overrides and its cost.

    Raises:
        UserError: its files are damaged.
    """
    import pandas as pd

    from ttc.files import read_csv
    from ttc.runs.directory import RunDirectory

    files, summary, swept = RunDirectory(run.directory), run.summary, run.overrides
    files.refuse_mixture(summary)
    try:
        planned = {"budget": summary["budget"]} if summary.get("plan") else {}
        cost = {
            **planned,
            "generations": summary["generations"],
            **{f"{name}_flops": summary["flops"][name] for name in ("paper", "full")},
            "seconds": summary["seconds"]["total"],
        }
        table = read_csv(files.accuracy_file)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.directory} is damaged ({error}); run the experiment again.") from None
    fixed = pd.DataFrame([{"job": str(run.directory.relative_to(directory)), **swept} | cost] * len(table))
    return pd.concat([fixed[["job", *swept]], table, fixed[[*cost]]], axis=1)
