"""Where a job writes: known, and checked, before Hydra creates anything."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ttc.errors import RunError, UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LONGEST_NAME = 255  # bytes, on every common file system


@dataclass(frozen=True)
class Job:
    """What a run, a job of a sweep or a training gets beside its settings.

    Attributes:
        directory: where it writes.
        overrides: of the command line, e.g. `budget=4`.
        key: what sets its directory, for error messages.
    """

    directory: Path
    overrides: tuple[str, ...]
    key: str = "hydra.run.dir"


def current_job() -> Job:
    """Return the job that Hydra runs now."""
    config = HydraConfig.get()
    key = "hydra.sweep.dir" if config.mode is RunMode.MULTIRUN else "hydra.run.dir"
    return Job(Path(config.runtime.output_dir), tuple(config.overrides.task), key)


def planned_job(config: DictConfig, overrides: Sequence[str], number: int | None) -> Job | None:
    """Return the job that Hydra will run from a composed config; None if its directory cannot be known yet.

    `number` is its place in a sweep, None for a single run.

    Raises:
        UserError: the job has a name that no file can have.
    """
    try:
        if number is None:
            directory, key = Path(str(config.hydra.run.dir)), "hydra.run.dir"
        else:
            with open_dict(config):
                config.hydra.job.num = config.hydra.job.id = number
            directory, key = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir), "hydra.sweep.dir"
    except OmegaConfBaseException:
        return None
    name = "" if OmegaConf.is_missing(config.hydra.job, "name") else str(config.hydra.job.name)
    if "/" in name or "\0" in name:
        raise UserError(f"hydra.job.name={name} cannot name the log file (a slash in it); use e.g. hydra.job.name=run.")
    named = tuple(override for override in overrides if not override.lstrip("+~").startswith("hydra."))
    return Job(directory.absolute(), named, key)


def refuse_unusable(job: Job) -> None:
    """Refuse a directory that cannot be created or written.

    Raises:
        UserError: with the reason.
    """
    try:
        place = _existing(job.directory)
        if not stat.S_ISDIR(place.stat().st_mode):
            raise OSError(errno.ENOTDIR, f"{place} is not a directory")
        if not os.access(place, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, f"{place} is not writable")
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in job.directory.parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    except (OSError, ValueError) as error:  # ValueError: a NUL, or a lone surrogate
        raise unusable(job, error) from None


def unusable(job: Job, error: OSError | ValueError) -> UserError:
    """Return the error about a directory that cannot be written."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    shown = str(job.directory)
    shown = shown if len(shown) <= 200 else f"{shown[:200]}..."
    return UserError(f"{job.key}={shown} cannot be used ({reason}); choose a directory that can be written.")


def stopped_by(error: OSError, job: Job | None) -> RunError:
    """Return the error about a run that the disk stopped."""
    place = error.filename or (job.directory if job is not None else "a file")
    remedy = "make room on the disk" if error.errno in FULL else "put that right"
    return RunError(
        f"{place}: {error.strerror}; {remedy}, then run the same command again: with a store, it continues where it "
        "stopped."
    )


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest one above it that exists."""
    for place in (directory, *directory.parents):
        try:
            place.stat()
        except FileNotFoundError:
            if place.is_symlink():
                raise OSError(errno.ENOTDIR, f"{place} is a broken link") from None
            continue
        return place
    return Path("/")
