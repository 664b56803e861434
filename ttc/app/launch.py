"""Hydra behind a command: `launch` passes the arguments to `@hydra.main`.

Before Hydra runs anything, every job of the run or sweep is composed and checked, so that an error in the last job of a
sweep is reported before the first one starts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode

from ttc.app.composing import COMPOSITION_ERRORS, CONFIG_ERRORS, S, explained, settings_of, without_hydra
from ttc.app.directories import FULL, Job, planned_job, refuse_unusable, stopped_by, unusable
from ttc.app.hydra_internals import compose, config_loader, end_sweep, parse_arguments, sweep_jobs
from ttc.app.job_errors import FailedJob, Stopped
from ttc.app.launchers import lost_worker, refuse_unread_launcher, refuse_unusable_launcher, register_launchers
from ttc.app.registry import config_directory, with_targets
from ttc.app.task import Task, show_other_failures
from ttc.errors import RunError, UserError


@dataclass(frozen=True)
class CheckedJob(Generic[S]):
    """A job that may run: its settings, the overrides that compose it, and the job; None: its directory is not known.

    `overrides` are without those of Hydra's own node.
    """

    settings: S
    overrides: tuple[str, ...]
    job: Job | None


def _refuse_nothing(settings: object, job: Job) -> None:
    """Accept whatever the job's directory holds."""


def launch(
    run: Callable[[S, Job], float | None],
    settings_type: type[S],
    config_name: str,
    arguments: Sequence[str],
    program: str,
    refuse_other: Callable[[S, Job], None] = _refuse_nothing,
    *,
    alone: bool = True,
    instead: Callable[[Sequence[CheckedJob[S]]], None] | None = None,
) -> None:
    """Run `run` as Hydra runs an application: once, or for every job of a sweep.

    Args:
        run: gets the settings and the job; returns what a sweeper may optimise.
        settings_type: what the config must be turned into.
        config_name: the primary config, e.g. `run`.
        arguments: what the user typed, flags and overrides in any order.
        program: what error messages call the command.
        refuse_other: raises UserError if the job's directory holds results of other settings. It is called before
            Hydra writes anything there, and again when the job has the directory for itself.
        alone: whether to keep other processes from writing the job's directory meanwhile.
        instead: gets all jobs, checked, in place of running them: nothing is written then.

    Raises:
        UserError: an error of the user's, in whichever job; jobs that cannot be known before they run, for `instead`.
        RunError: the run had to stop.
    """
    flags, overrides = _split(arguments, program)
    overrides = with_targets(overrides)
    given = _parse([*flags, *overrides], program)
    if given.config_path is not None and "://" not in given.config_path:
        given.config_path = str(Path(given.config_path).absolute())  # Hydra would look beside this file
        flags += ["--config-path", given.config_path]
    register_launchers()
    task = Task(run, settings_type, refuse_other, alone)
    application = hydra.main(config_path=str(config_directory()), config_name=config_name, version_base="1.3")(task)
    runs = not (given.help or given.hydra_help or given.cfg or given.info)
    with explained(overrides, CONFIG_ERRORS if runs else COMPOSITION_ERRORS), _argv([program, *flags, *overrides]):
        checked: list[CheckedJob[S]] = []
        if runs and not given.experimental_rerun:
            checked = _check_jobs(given, config_name, settings_type, refuse_other)
        if runs and instead is not None:
            _refuse_unknown_jobs(checked, given)
            instead(checked)
            return
        planned = [one.job for one in checked if one.job is not None]
        logging.raiseExceptions = False  # a log on a full disk: the run itself reports that, on one line
        try:
            application()
        except Stopped as stopped:
            raise stopped.error from None
        except FailedJob as failed:
            if failed.elsewhere:
                show_other_failures(failed)
            end_sweep(failed.config)
            raise failed.error from None
        except OSError as error:
            if not runs or error.errno is None:
                raise
            raise _unwritable(error, planned) from None
        except Exception as error:
            if (lost := lost_worker(error)) is None:
                raise
            raise lost from error


def _unwritable(error: OSError, planned: Sequence[Job]) -> UserError | RunError:
    """Explain why Hydra could not create or write a job's directory."""
    if error.errno in FULL or not planned:
        return stopped_by(error, planned[0] if planned else None)
    directory = Path(error.filename) if error.filename else planned[0].directory
    return unusable(Job(directory, (), planned[0].key), error)


@contextlib.contextmanager
def _argv(argv: Sequence[str]) -> Iterator[None]:
    """Let Hydra read these arguments, and raise its errors instead of printing them."""
    before, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = list(argv), "1"
    try:
        yield
    finally:
        sys.argv = before
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def _check_jobs(
    arguments: Namespace, config_name: str, settings_type: type[S], refuse_other: Callable[[S, Job], None]
) -> list[CheckedJob[S]]:
    """Compose and check every job that Hydra is about to run."""
    extra = None
    if arguments.config_dir is not None:
        extra = Path(arguments.config_dir).absolute()
        if not extra.is_dir():
            raise UserError(f"--config-dir {arguments.config_dir}: no such directory; give one that holds YAML groups.")
    loader = config_loader(str(arguments.config_path or config_directory()), extra)
    name = arguments.config_name or config_name
    with explained(arguments.overrides, COMPOSITION_ERRORS):
        jobs = _jobs(loader, name, arguments)
    checked = []
    for number, overrides in enumerate(jobs):
        with explained(overrides, COMPOSITION_ERRORS):
            config = compose(loader, name, overrides)
            job = planned_job(config, overrides, number if _is_sweep(arguments) else None)
            settings = settings_of(without_hydra(config), settings_type)
        settings.check()
        if job is not None:
            refuse_unusable(job)
            refuse_other(settings, job)
        own = tuple(override for override in overrides if not override.lstrip("+~").startswith("hydra"))
        checked.append(CheckedJob(settings, own, job))
    return checked


def _refuse_unknown_jobs(checked: Sequence[object], arguments: Namespace) -> None:
    """Refuse to say what jobs will do that are not known yet."""
    if arguments.experimental_rerun:
        raise UserError("--experimental-rerun: --dry-run composes its jobs from overrides; give those instead.")
    if not checked:
        raise UserError(
            "--dry-run: this sweeper chooses its jobs as they run; give jobs of the basic one, e.g. -m budget=4,16."
        )


def _is_sweep(arguments: Namespace) -> bool:
    return bool(arguments.multirun) or "hydra.mode=MULTIRUN" in arguments.overrides


def _jobs(loader: ConfigLoader, name: str, arguments: Namespace) -> list[list[str]]:
    """Return the overrides of each job; none for a sweeper that draws its jobs as it goes."""
    if not _is_sweep(arguments):
        refuse_unread_launcher(arguments.overrides)
        return [list(arguments.overrides)]
    config = compose(loader, name, arguments.overrides, RunMode.MULTIRUN)
    refuse_unusable_launcher(config)
    return sweep_jobs(loader, config)


def _parse(arguments: Sequence[str], program: str) -> Namespace:
    given = parse_arguments(arguments, program)
    if given.shell_completion:
        raise UserError(f"{program} -sc: completion is installed with `ttc --install-completion`.")
    if given.resolve and not (given.cfg or given.help):
        raise UserError(f"{program} --resolve: only shows something together with --cfg job; add that.")
    if given.run + given.multirun + (given.cfg is not None) + (given.info is not None) > 1:
        raise UserError(f"{program}: --run, --multirun, --cfg and --info exclude each other; give one of them.")
    return given


def _split(arguments: Sequence[str], program: str) -> tuple[list[str], list[str]]:
    """Separate flags from overrides: Hydra expects flags first, people write `strategy=beam -m` too."""
    overrides: list[str] = _parse(arguments, program).overrides
    flags = list(arguments)
    for override in overrides:
        flags.remove(override)
    return flags, overrides
