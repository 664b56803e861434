"""What ttc needs of Hydra that has no public API; pyproject.toml pins Hydra to 1.3 for this file's sake.

- The argument parser: overrides and flags may be mixed (`strategy=beam -m`), and must be separated before `@hydra.main`
  sees them.
- The config loader: `hydra.compose` knows neither multirun nor --config-dir, and shares global state with
  `@hydra.main`. Every job of a sweep is composed here, and checked, before the first one runs.
- The callbacks: Hydra leaves out those of a sweep's end when a job failed.
- The plugins: Hydra takes launchers from the top-level package `hydra_plugins` alone.
- The basic sweeper's expansion of `budget=4,16` into jobs: the sweepers' interface runs jobs, but never lists them.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import RunMode
from omegaconf import DictConfig

from ttc.errors import UserError


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(
            f"{self.prog}: {message}; settings have no dashes (budget=64); {self.prog} --hydra-help lists the flags."
        )


def parse_arguments(arguments: Sequence[str], program: str) -> Namespace:
    """Parse a command line as Hydra would.

    Raises:
        UserError: an unknown flag.
    """
    parser = get_args_parser()
    parser.prog, parser.__class__ = program, _Parser
    return parser.parse_intermixed_args(arguments)


def config_loader(directory: str, extra_directory: Path | None = None) -> ConfigLoader:
    """Return a loader that searches `directory`, and `extra_directory` before Hydra's own configs."""
    setup_globals()
    search_path = create_config_search_path(directory)
    if extra_directory is not None:
        search_path.prepend("command-line", f"file://{extra_directory}", SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(search_path)


def sweep_jobs(loader: ConfigLoader, config: DictConfig) -> list[list[str]]:
    """Return the overrides of each job of a sweep; empty for a sweeper that draws its jobs as it goes.

    `config` was composed in multirun mode, Hydra's own node included.
    """
    sweeper = config.hydra.sweeper
    if sweeper._target_ != f"{BasicSweeper.__module__}.{BasicSweeper.__name__}":
        return []
    swept = [f"{key}={value}" for key, value in (sweeper.params or {}).items()] + list(config.hydra.overrides.task)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
    [jobs] = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return [[*config.hydra.overrides.hydra, *job] for job in jobs]


def register_launcher(target: str, launcher: type[Launcher]) -> None:
    """Let configs name a launcher by `target`, which must begin with `hydra_plugins.`; no such module need exist."""
    Plugins.instance().class_name_to_class[target] = launcher


def compose(loader: ConfigLoader, name: str, overrides: Sequence[str], mode: RunMode = RunMode.RUN) -> DictConfig:
    """Compose a config, Hydra's own node included."""
    return loader.load_configuration(name, list(overrides), mode)


def hydra_config() -> DictConfig:
    """Return Hydra's own config of the current job, whose `${now:...}` is the time at which the sweep began."""
    config = HydraConfig.instance().cfg
    assert isinstance(config, DictConfig)  # whose type HydraConf is
    return config


def end_sweep(config: DictConfig) -> None:
    """Call the callbacks of a sweep's end, which Hydra leaves out when a job failed; `config` is that of the job."""
    Callbacks(config).on_multirun_end(config=config)
