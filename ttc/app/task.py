"""What Hydra calls for each job: in this process, or, by a launcher, in another one and perhaps on another machine.

In another process, a job's output goes to a file in its directory: the outputs of jobs that run at once would mix.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ttc.app.composing import CONFIG_ERRORS, S, settings_of
from ttc.app.directories import Job, current_job, stopped_by
from ttc.app.errors import explain
from ttc.app.hydra_internals import hydra_config
from ttc.app.job_errors import FailedJob, Stopped
from ttc.app.job_output import OUTPUT, output_to, quiet_exit
from ttc.app.signals import raise_if_received
from ttc.errors import RunError, UserError
from ttc.runs.holding import hold
from ttc.terminal import printable_line

log = logging.getLogger(__name__)


@dataclass
class Task(Generic[S]):
    """Runs a job from its composed config; a launcher may send it to other processes.

    Attributes:
        run: gets the settings and the job; returns what a sweeper may optimise.
        settings_type: what the config must be turned into.
        refuse_other: raises UserError if the job's directory holds results of other settings.
        alone: whether to keep other processes from writing the job's directory meanwhile.
        elsewhere: whether this is a copy that another process got.
    """

    run: Callable[[S, Job], float | None]
    settings_type: type[S]
    refuse_other: Callable[[S, Job], None]
    alone: bool
    elsewhere: bool = False

    def __call__(self, config: DictConfig) -> float | None:
        """Run the job; return what a sweeper may optimise.

        Raises:
            Stopped: the run, or the whole sweep, has to stop.
            FailedJob: this job of the sweep has to stop.
        """
        return self._run_elsewhere(config) if self.elsewhere else self._run_here(config)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "elsewhere": True}

    def _run_here(self, config: DictConfig) -> float | None:
        raise_if_received()
        job = current_job()
        try:
            return self._solve(config, job)
        except UserError as error:
            if HydraConfig.get().mode is RunMode.RUN:
                log.info("stopped: %s", error)
                raise Stopped(error) from None  # Hydra would print a line of its own
            log.error("%s", error)
            raise FailedJob(error, hydra_config(), elsewhere=False) from None
        except (RunError, OSError) as error:
            raise_if_received()  # a terminal that closes makes writing to it fail
            if isinstance(error, OSError) and error.errno is None:
                raise  # not the system's: a library's own
            stopped = stopped_by(error, job) if isinstance(error, OSError) else error
            log.info("stopped: %s", stopped, exc_info=error if error is not stopped else error.__cause__)
            raise Stopped(stopped) from None  # a full disk or a dead engine would stop the other jobs too

    def _run_elsewhere(self, config: DictConfig) -> float | None:
        """Run the job with its output in a file; every error becomes a FailedJob, which can be pickled."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the launching process, which gets it too, ends this
        quiet_exit()
        logging.raiseExceptions = False  # as in `ttc.app.launch`
        job, started_at, outcome = current_job(), time.monotonic(), "failed"
        try:
            with output_to(job.directory / OUTPUT) as announce:
                try:
                    value = self._solve(config, job)
                    outcome = "done"
                    return value
                except Exception as error:
                    failure = _explained(error, job)
                    log.info("stopped: %s", failure, exc_info=error.__cause__ if failure is error else error)
                    log.error("%s", printable_line(failure))  # the last line of the output
                    raise
                finally:
                    seconds = time.monotonic() - started_at
                    number = HydraConfig.get().job.num
                    announce(f"\t#{number} : {outcome} after {seconds:.0f} s, see {job.directory / OUTPUT}")
        except Exception as error:
            raise FailedJob(_explained(error, job), hydra_config(), elsewhere=True) from None

    def _solve(self, config: DictConfig, job: Job) -> float | None:
        settings = settings_of(config, self.settings_type)
        settings.check()
        with hold(job.directory) if self.alone else nullcontext():
            self.refuse_other(settings, job)
            return self.run(settings, job)


def _explained(error: Exception, job: Job) -> UserError | RunError:
    """Return the line about an error that another process reports; a traceback would not reach it."""
    if isinstance(error, UserError | RunError):
        return error
    if isinstance(error, CONFIG_ERRORS):
        return explain(error, job.overrides)
    if isinstance(error, OSError) and error.errno is not None:
        return stopped_by(error, job)
    bug = printable_line(f"{type(error).__name__}: {error}", 300)
    return RunError(f"{bug}; this is a bug: its traceback is in {job.directory / HydraConfig.get().job.name}.log.")


def show_other_failures(failed: FailedJob) -> None:
    """Print the error of every other job of the sweep that failed in another process, with its directory."""
    own = OmegaConf.select(failed.config, "hydra.runtime.output_dir")
    for output in sorted(Path(failed.config.hydra.sweep.dir).rglob(OUTPUT)):
        last = output.read_text(errors="replace").rstrip().rpartition("\n")[2]
        if last.startswith("ERROR: ") and str(output.parent.absolute()) != own:
            print(printable_line(f"{output.parent}: {last.removeprefix('ERROR: ')}"), file=sys.stderr)
