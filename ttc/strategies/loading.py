"""A strategy from its config, as a policy describes it: `_target_` and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ttc.classes import create, load_class, refuse_unknown_settings
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
    path = printable_line(str(config[TARGET]))
    kind = load_class(path, Strategy, f"{given}: {TARGET}={path}")
    settings = {name: value for name, value in config.items() if name != TARGET}
    nested = {name: value for name, value in settings.items() if isinstance(value, Mapping) and TARGET in value}
    refuse_unknown_settings(kind, settings, given)
    parts = {name: load_strategy(value, f"{given}: {name}") for name, value in nested.items()}
    plain = {name: value for name, value in settings.items() if name not in nested}
    strategy: Strategy = create(kind, plain, given)
    return replace(strategy, **parts) if parts else strategy
