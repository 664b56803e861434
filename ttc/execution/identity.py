"""The settings that determine a run's results, as one digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import asdict
from typing import Any

from ttc.config import RunConfig
from ttc.data.base import Dataset
from ttc.engines.base import SPEED_SETTINGS, EngineConfig, Generator
from ttc.grading import MathGrader, grader_config
from ttc.hashing import digest
from ttc.runs.identity import RunIdentity
from ttc.strategies.base import Strategy, config_of

NEW_SETTINGS = frozenset({"stop", "samples", "thresholds"})
"""Settings that finished runs and stores may be older than: what is not set is left out."""

LATER_ENGINE_SETTINGS = frozenset(
    {"adapter", "end_of_thought", "few_shot", "seeded", "thinking", "question", "step_separator"}
)
"""Settings of checkpoints that came later still: what is at its default is left out."""


def identity_of(config: RunConfig, overrides: Iterable[str] = ()) -> RunIdentity:
    """Return what identifies the run of a config: its results may replace only those of the same settings."""
    parts = {name: getattr(config, name) for name in ("strategy", "generator", "verifier", "data", "difficulty")}
    settings: dict[str, Any] = {name: [type(part).__name__, _results_of(part)] for name, part in parts.items() if part}
    settings |= _budget(config) | {name: getattr(config, name) for name in ("seed", "selection", "aggregation")}
    if config.grading_units:  # only then: older runs have no such setting
        settings["grading_units"] = True
    settings |= grader_settings(config)
    return RunIdentity(digest(json.dumps(settings, sort_keys=True, default=str)).hex(), tuple(overrides))


def identity_of_all_shards(config: RunConfig) -> str:
    """Return what identifies the run of all problems, of which a config takes a shard."""
    whole = copy(config)
    whole.data = copy(config.data)
    whole.data.shard = None
    return identity_of(whole).digest


def budgets_digest(budgets: Mapping[str, int]) -> str:
    """Return what identifies the budgets of a table."""
    return digest(sorted(budgets.items())).hex()


def grader_settings(config: RunConfig) -> dict[str, Any]:
    """Return what identifies the grader; nothing for the one that older runs had."""
    return {} if config.grader == MathGrader() else {"grader": grader_config(config.grader)}


def _budget(config: RunConfig) -> dict[str, Any]:
    """Return what the user set: the budget itself, or what determines it."""
    if config.limit is not None:
        return {config.limit.unit: config.limit.amount, "flops_convention": config.limit.convention}
    if config.budgets is not None:
        return {"budget_table": budgets_digest(config.budgets)}
    return {"budget": config.budget}


def _results_of(part: Any) -> dict[str, Any]:
    settings = asdict(part)
    if isinstance(part, Strategy):
        settings |= {name: value for name, value in config_of(part).items() if isinstance(value, dict)}  # classes too
    if isinstance(part, Strategy | EngineConfig):
        settings |= part.file_digests()
    unchanged = later_defaults(part)
    return {
        name: value
        for name, value in settings.items()
        if name not in SPEED_SETTINGS | unchanged and (value or name not in NEW_SETTINGS - {"stop"})
    }


def later_defaults(part: object) -> frozenset[str]:
    """Return those of an engine's or a dataset's later settings that are at their defaults."""
    if isinstance(part, Dataset):
        return part.later_defaults()
    if not isinstance(part, EngineConfig):
        return frozenset()
    later = LATER_ENGINE_SETTINGS - ({"step_separator"} if isinstance(part, Generator) else set())  # it always had one
    return frozenset(later - part.changed_settings().keys())
