"""The settings that determine a run's results, as one digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ttc.config import RunConfig
from ttc.engines.base import SPEED_SETTINGS
from ttc.hashing import digest
from ttc.runs.identity import RunIdentity
from ttc.strategies.base import Strategy, config_of


def identity_of(config: RunConfig, overrides: Iterable[str] = ()) -> RunIdentity:
    """Return what identifies the run of a config: its results may replace only those of the same settings."""
    parts = {name: getattr(config, name) for name in ("strategy", "generator", "verifier", "data", "difficulty")}
    settings: dict[str, Any] = {name: [type(part).__name__, _results_of(part)] for name, part in parts.items() if part}
    settings |= {name: getattr(config, name) for name in ("budget", "seed", "selection", "aggregation")}
    if config.grading_units:  # only then: older runs have no such setting
        settings["grading_units"] = True
    return RunIdentity(digest(json.dumps(settings, sort_keys=True, default=str)).hex(), tuple(overrides))


def _results_of(part: Any) -> dict[str, Any]:
    settings = config_of(part) if isinstance(part, Strategy) else {}
    nested = {name: value for name, value in settings.items() if isinstance(value, dict)}  # with their classes
    return {name: value for name, value in (asdict(part) | nested).items() if name not in SPEED_SETTINGS}
