"""Hydra behind a command: `launch` hands the arguments to `@hydra.main`.

Before Hydra runs anything, every job of the run or sweep is composed and checked, so a mistake in the last job of a
sweep is told before the first one starts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ttc.config import config_directory
from ttc.errors import RunError, UserError
from ttc.explain import closest, explain

log = logging.getLogger(__name__)

Job = Callable[[Any, Path], "float | None"]  # the config's object, the run directory -> what a sweeper may optimise


class _Stopped(BaseException):
    """Carries an error through Hydra, which handles every Exception itself."""

    def __init__(self, error: UserError | RunError) -> None:
        self.error = error


def launch(job: Job, config_name: str, arguments: Sequence[str], program: str) -> None:
    """Run `job` as Hydra runs an application: once, or for every job of a sweep. Raises UserError for mistakes."""
    flags, overrides = _split(arguments, program)
    given = _parse([*flags, *overrides], program)
    if given.config_path is not None and "://" not in given.config_path:
        given.config_path = str(Path(given.config_path).absolute())  # Hydra would look beside this file
        flags += ["--config-path", given.config_path]

    def task(config: DictConfig) -> float | None:
        try:
            settings = _object(config)
            _check(settings)
            return job(settings, Path(HydraConfig.get().runtime.output_dir))
        except UserError as error:
            if HydraConfig.get().mode is RunMode.RUN:
                log.info("stopped: %s", error)
                raise _Stopped(error) from None  # past Hydra, which would print a line of its own
            log.error("%s", error)
            raise  # the other jobs of the sweep go on
        except RunError as error:
            log.info("stopped: %s", error, exc_info=error.__cause__)
            raise _Stopped(error) from None  # a full disk or a dead engine would stop the other jobs too

    application = hydra.main(config_path=str(config_directory()), config_name=config_name, version_base="1.3")(task)
    runs = not (given.help or given.hydra_help or given.cfg or given.info)
    with _explained(overrides, ALWAYS_MISTAKES if runs else COMPOSING_MISTAKES), _argv([program, *flags, *overrides]):
        if runs and not given.experimental_rerun:
            _check_jobs(given, config_name)
        try:
            application()
        except _Stopped as stopped:
            raise stopped.error from None


ALWAYS_MISTAKES = (HydraException, OmegaConfBaseException)
COMPOSING_MISTAKES = (*ALWAYS_MISTAKES, ValueError, OSError)  # nothing but Hydra runs, so these are no bugs of ours


@contextlib.contextmanager
def _explained(overrides: Sequence[str], mistakes: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except mistakes as error:
        raise explain(error, overrides) from error


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


def _check_jobs(arguments: Namespace, config_name: str) -> None:
    """Compose and check every job that Hydra is about to run."""
    setup_globals()
    search_path = create_config_search_path(str(arguments.config_path or config_directory()))
    if arguments.config_dir is not None:
        directory = Path(arguments.config_dir).absolute()
        if not directory.is_dir():
            raise UserError(f"--config-dir {arguments.config_dir}: no such directory; give one that holds YAML groups.")
        search_path.prepend("command-line", f"file://{directory}", SearchPathQuery(provider="schema"))
    loader = ConfigLoaderImpl(search_path)
    name = arguments.config_name or config_name
    with _explained(arguments.overrides, COMPOSING_MISTAKES):
        jobs = _jobs(loader, name, arguments)
    for overrides in jobs:
        with _explained(overrides, COMPOSING_MISTAKES):
            settings = _object(_without_hydra(loader.load_configuration(name, overrides, RunMode.RUN)))
        _check(settings)


def _jobs(loader: ConfigLoaderImpl, name: str, arguments: Namespace) -> list[list[str]]:
    """Return the overrides of each job. A sweeper that draws its jobs as it goes cannot be asked: no jobs."""
    if not arguments.multirun and "hydra.mode=MULTIRUN" not in arguments.overrides:
        return [list(arguments.overrides)]
    config = loader.load_configuration(name, list(arguments.overrides), RunMode.MULTIRUN)
    sweeper = config.hydra.sweeper
    if sweeper._target_ != f"{BasicSweeper.__module__}.{BasicSweeper.__name__}":
        return []
    swept = [f"{key}={value}" for key, value in (sweeper.params or {}).items()] + list(config.hydra.overrides.task)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(swept)
    [jobs] = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return [[*config.hydra.overrides.hydra, *job] for job in jobs]


def _without_hydra(config: DictConfig) -> DictConfig:
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config


def _object(config: DictConfig) -> Any:
    """Turn a composed config into the object that its schema names."""
    _refuse_unknown_keys(config)
    return OmegaConf.to_object(config)


def _check(settings: Any) -> None:
    if check := getattr(settings, "check", None):
        check()


def _refuse_unknown_keys(config: DictConfig, prefix: str = "") -> None:
    """Refuse `+budgt=3`: Hydra lets a plus sign add any key, and nothing would read it."""
    schema: Any = OmegaConf.get_type(config)
    known = [field.name for field in fields(schema)] if is_dataclass(schema) else None
    for key, value in config.items_ex(resolve=False):
        if known is not None and key not in known:
            raise UserError(f"+{prefix}{key!s}: no such key in {schema.__name__}{closest(str(key), known, prefix)}")
        if isinstance(value, DictConfig) and not value._is_none():
            _refuse_unknown_keys(value, f"{prefix}{key!s}.")


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}; see {self.prog} --hydra-help for the flags.")


def _parse(arguments: Sequence[str], program: str) -> Namespace:
    parser = get_args_parser()
    parser.prog, parser.__class__ = program, _Parser
    namespace = parser.parse_intermixed_args(arguments)
    if namespace.shell_completion:
        raise UserError(f"{program} -sc: completion is installed with `ttc --install-completion`.")
    if namespace.resolve and not (namespace.cfg or namespace.help):
        raise UserError(f"{program} --resolve: only shows something together with --cfg job; add that.")
    if namespace.run + namespace.multirun + (namespace.cfg is not None) + (namespace.info is not None) > 1:
        raise UserError(f"{program}: --run, --multirun, --cfg and --info exclude each other; give one of them.")
    return namespace


def _split(arguments: Sequence[str], program: str) -> tuple[list[str], list[str]]:
    """Part flags from overrides: Hydra wants flags first, people write `strategy=beam -m` too."""
    overrides: list[str] = _parse(arguments, program).overrides
    flags = list(arguments)
    for override in overrides:
        flags.remove(override)
    return flags, overrides
