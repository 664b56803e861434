"""From overrides to the object that a config describes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Protocol, TypeVar

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ttc.app.errors import closest, explain
from ttc.app.hydra_internals import compose, config_loader
from ttc.app.registry import TARGET, config_directory, instantiate, register_run, with_targets
from ttc.config import RunConfig
from ttc.errors import RunError, UserError


class Settings(Protocol):
    """What a config is turned into: a RunConfig, or a training."""

    def check(self) -> None:
        """Find every error that can be found before weights load; raises UserError."""


S = TypeVar("S", bound=Settings)

CONFIG_ERRORS = (HydraException, OmegaConfBaseException)
COMPOSITION_ERRORS = (*CONFIG_ERRORS, ValueError, OSError)  # while only Hydra runs, these are not bugs of ours


def compose_run(overrides: Sequence[str]) -> RunConfig:
    """Return the config of `ttc run` with these overrides, unchecked.

    Raises:
        UserError: overrides that do not compose.
    """
    register_run()
    named = with_targets(overrides)
    with explained(overrides, COMPOSITION_ERRORS):
        config = compose(config_loader(str(config_directory())), "run", named)
        return settings_of(without_hydra(config), RunConfig)


@contextlib.contextmanager
def explained(overrides: Sequence[str], errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn these errors, in the block, into one line about the overrides."""
    try:
        yield
    except (UserError, RunError):
        raise
    except BrokenPipeError:  # as in `ttc run --help | head`: no error in a config
        raise
    except errors as error:
        raise explain(error, overrides) from error


def without_hydra(config: DictConfig) -> DictConfig:
    """Return the config without Hydra's own node."""
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config


def settings_of(config: DictConfig, settings_type: type[S]) -> S:
    """Turn a composed config into the object that its schema describes."""
    _refuse_unknown_keys(config)
    settings = instantiate(config)
    if not isinstance(settings, settings_type):
        raise UserError(
            f"the config composes a {type(settings).__name__}, not a {settings_type.__name__}; begin its defaults with "
            f"/{settings_type.__name__}."
        )
    return settings


def _refuse_unknown_keys(config: DictConfig, prefix: str = "") -> None:
    """Refuse `+budgt=3`: Hydra lets a plus sign add any key, and nothing would read it."""
    schema = OmegaConf.get_type(config)
    known = None
    if schema is not None and is_dataclass(schema):
        known = [field.name for field in fields(schema)]
    for key, value in config.items_ex(resolve=False):
        if known is not None and key not in known and key != TARGET:
            assert schema is not None
            raise UserError(f"+{prefix}{key!s}: no such key in {schema.__name__}{closest(str(key), known, prefix)}")
        if isinstance(value, DictConfig) and not value._is_none():
            _refuse_unknown_keys(value, f"{prefix}{key!s}.")
