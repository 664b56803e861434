"""`hydra/launcher=ray`: each job of a sweep is a task of Ray, on this machine or on a cluster.

The package hydra-ray-launcher pins libraries that vLLM needs in newer versions.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from ttc.app.job_errors import FailedJob
from ttc.errors import RunError, UserError
from ttc.terminal import printable_line

if TYPE_CHECKING:
    from ray import ObjectRef

log = logging.getLogger(__name__)

_DEFAULTS: dict[str, object] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
TARGET = "hydra_plugins.ttc.RayLauncher"  # of configs/hydra/launcher/ray.yaml
Settings = Mapping[str, object]


class RayLauncher(Launcher):
    """Runs jobs as tasks of Ray; they share a file system with the process that launches them."""

    def __init__(self, init: Settings, remote: Settings) -> None:
        """Take the arguments of `ray.init` and the options of a task; those that are None are Ray's own defaults."""
        self._init = _given(init)
        self._remote = _given(remote)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives a launcher."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs; return their results in the given order. A job whose worker dies has failed with a RunError.

        Raises:
            UserError: there is no such cluster, or none of its machines has what a job asks for.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        sigterm = signal.getsignal(signal.SIGTERM)
        import ray

        self._connect()
        try:
            signal.signal(signal.SIGTERM, sigterm)  # Ray puts a handler of its own there
            return self._run_all(job_overrides, initial_job_idx)
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(**_DEFAULTS | self._init)
        except (ConnectionError, RuntimeError, TypeError, ValueError) as error:
            given = " ".join(f"hydra.launcher.init.{name}={value}" for name, value in self._init.items())
            raise UserError(
                f"hydra/launcher=ray {given}".rstrip() + f": {printable_line(error, 300).rstrip('.')}; start a cluster "
                "with `ray start`, or leave hydra.launcher.init.address out."
            ) from None

    def _run_all(self, job_overrides: Sequence[Sequence[str]], first_number: int) -> list[JobReturn]:
        import ray

        options = self._task_options()
        log.info("Launching %d jobs on Ray, %s each", len(job_overrides), _listed(options))
        run = ray.remote(**options)(_run_job)
        shared = ray.put((self._context, self._config, self._task, Singleton.get_state()))
        waiting = {}
        for number, overrides in enumerate(job_overrides, start=first_number):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
            waiting[run.remote(shared, list(overrides), number, os.getcwd())] = number
        returns: dict[int, JobReturn] = {}
        while waiting:
            [finished], _ = ray.wait([*waiting], num_returns=1)
            number = waiting.pop(finished)
            returns[number] = self._returned(finished, number)
            log.info("\t#%d : %s", number, "done" if returns[number].status is JobStatus.COMPLETED else "failed")
        return [returns[number] for number in sorted(returns)]

    def _task_options(self) -> dict[str, object]:
        """Return the options of a task: a GPU, unless the config says otherwise, where the cluster has any.

        Raises:
            UserError: no machine has what a task asks for, so that Ray would wait for one.
        """
        import ray

        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        options = {"num_gpus": int(any(machine.get("GPU", 0) for machine in machines)), "max_retries": 0} | self._remote
        for option, resource in (("num_cpus", "CPU"), ("num_gpus", "GPU")):
            most = max(machine.get(resource, 0) for machine in machines)
            if float(str(options.get(option, 0))) > most:
                raise UserError(
                    f"hydra.launcher.remote.{option}={options[option]}: no machine of the Ray cluster has more than "
                    f"{most:g}; use at most that."
                )
        return options

    def _returned(self, finished: ObjectRef, number: int) -> JobReturn:
        """Return a job's result; that of a worker which died is a failure."""
        import ray

        try:
            returned: JobReturn = ray.get(finished)
        except ray.exceptions.RayError as error:
            reason = printable_line(error, 300).rstrip(".")
            returned = JobReturn(overrides=[f"#{number}"], status=JobStatus.FAILED)
            lost = RunError(
                f"job #{number}: its worker ended ({reason}); run the same command again: with a store, it continues "
                "where it stopped."
            )
            returned.return_value = FailedJob(lost, self._config, elsewhere=True)
        return returned


def _run_job(
    shared: tuple[HydraContext, DictConfig, TaskFunction, object], overrides: list[str], number: int, directory: str
) -> JobReturn:
    """Run a job as Hydra's launchers do, in a process of Ray's."""
    os.chdir(directory)
    context, config, task, state = shared
    setup_globals()
    Singleton.set_state(state)
    composed = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(composed):
        composed.hydra.job.id = f"{composed.hydra.job.name}_{number}"
        composed.hydra.job.num = number
    HydraConfig.instance().set_config(composed)
    return run_job(
        hydra_context=context,
        task_function=task,
        config=composed,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def _given(settings: Settings) -> dict[str, object]:
    return {
        name: OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
        for name, value in settings.items()
        if value is not None
    }


def _listed(options: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())
