"""A strategy from its config, as a policy describes it: `_target_` and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ttc.classes import load_class
from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.terminal import printable_line

TARGET = "_target_"


def load_strategy(config: Mapping[str, Any], given: str) -> Strategy:
    """Import a strategy's class and create it; what `config_of` says of it is `config` again.

    Args:
        config: the dotted path of the class as `_target_`, and its settings.
        given: where the user named it, for messages.

    Raises:
        UserError: no such class, no such setting, or a value of the wrong type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    path = printable_line(str(config[TARGET]))
    kind = load_class(path, Strategy, f"{given}: {TARGET}={path}")
    settings = {name: value for name, value in config.items() if name != TARGET}
    nested = {name: value for name, value in settings.items() if isinstance(value, Mapping) and TARGET in value}
    known = [field.name for field in fields(kind)]
    if unknown := [printable_line(str(name), 60) for name in settings if name not in known]:
        remedy = f"use {', '.join(known)}" if known else "leave it out"
        raise UserError(f"{given}: {kind.__name__} has no setting {unknown[0]}; {remedy}.")
    parts = {name: load_strategy(value, f"{given}: {name}") for name, value in nested.items()}
    plain = {name: value for name, value in settings.items() if name not in nested}
    try:
        strategy = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), plain))
    except OmegaConfBaseException as error:
        reason = printable_line(str(error).partition("\n")[0], 200)
        raise UserError(f"{given}: {kind.__name__}: {reason}; fix the value.") from None
    assert isinstance(strategy, Strategy)
    return replace(strategy, **parts) if parts else strategy
