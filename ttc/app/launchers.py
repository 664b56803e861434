"""Hydra's launchers, which run the jobs of a sweep in other processes: what they need, and how they fail."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec

from omegaconf import DictConfig

from ttc.app.hydra_internals import register_launcher
from ttc.app.ray_launcher import TARGET as RAY
from ttc.app.ray_launcher import RayLauncher
from ttc.errors import RunError, UserError
from ttc.terminal import printable_line

LAUNCHER_PACKAGES = {
    "joblib": "hydra-joblib-launcher",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
    "ray": "ray",
}
"""Option of hydra/launcher -> the package that it needs."""

_SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
_LIBRARIES = ("joblib", "submitit")


def register_launchers() -> None:
    """Make ttc's own launcher known to Hydra."""
    register_launcher(RAY, RayLauncher)


def missing_package(launcher: str) -> UserError:
    """Return the error about a launcher whose package is not installed."""
    package = LAUNCHER_PACKAGES[launcher]
    return UserError(
        f"hydra/launcher={launcher}: the package {package} is not installed; pip install {package}, or leave the "
        "launcher out."
    )


def refuse_unread_launcher(overrides: Sequence[str]) -> None:
    """Refuse a launcher of what is no sweep: Hydra would run it in this process, and say nothing.

    Raises:
        UserError: there is one.
    """
    for override in overrides:
        group, _, option = override.partition("=")
        if group == "hydra/launcher" and option in LAUNCHER_PACKAGES:
            raise UserError(f"{override}: launches the jobs of a sweep; add -m, or leave the launcher out.")


def refuse_unusable_launcher(config: DictConfig) -> None:
    """Refuse a launcher that cannot run here; `config` was composed in multirun mode.

    Raises:
        UserError: it needs a package, or Slurm.
    """
    target = config.hydra.launcher._target_
    if target == RAY and find_spec("ray") is None:
        raise missing_package("ray")
    if target == _SLURM and shutil.which("sbatch") is None:
        raise UserError(
            "hydra/launcher=submitit_slurm: this machine has no command sbatch; start the sweep on a login node of the "
            "cluster, or use hydra/launcher=submitit_local."
        )


def lost_worker(error: Exception) -> RunError | None:
    """Return the line about an error of the launcher's own library, e.g. of a worker that was killed; else None."""
    library = type(error).__module__.partition(".")[0]
    if library not in _LIBRARIES:
        return None
    reason = printable_line(str(error) or type(error).__name__, 300).rstrip(".")
    return RunError(
        f"hydra/launcher, {library}: {reason}; put that right, then run the same command again: finished jobs keep "
        "their results, and with a store the others continue where they stopped."
    )
