"""What the benchmarks share: composing a run's config, timing, and the one JSON line that each prints last."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ttc.app.registry import config_directory, register_run
from ttc.config import RunConfig

T = TypeVar("T")


def run_config(*overrides: str) -> RunConfig:
    """What `ttc run OVERRIDES` would run."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        config = compose("run", overrides=list(overrides))
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, RunConfig)
    return settings


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and its seconds of wall time."""
    before = time.perf_counter()
    result = work()
    return result, time.perf_counter() - before


def told(name: str, figures: Mapping[str, Any], ratios: Mapping[str, float]) -> None:
    """Print the figures a line each, and last the ratios as one JSON object."""
    print(name)
    for key, value in figures.items():
        print(f"  {key:<44} {value:,.2f}" if isinstance(value, float) else f"  {key:<44} {value}")
    print(json.dumps({key: round(value, 3) for key, value in ratios.items()}))


def median(values: Sequence[float]) -> float:
    """The middle one; of an even number the upper."""
    return sorted(values)[len(values) // 2]


def fresh(directory: Path, name: str) -> Path:
    """A path in `directory` at which nothing lies yet."""
    return directory / f"{name}-{time.time_ns()}"
