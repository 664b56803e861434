"""Shared by the benchmarks: composing a run's config, loading its models without ttc, timing, and reporting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ttc.app.registry import config_directory, instantiate, register_run
from ttc.config import RunConfig
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_setup import VllmSettings, engine_arguments

if TYPE_CHECKING:
    from vllm import LLM

T = TypeVar("T")


def run_config(*overrides: str) -> RunConfig:
    """Return the config of `ttc run OVERRIDES`."""
    from hydra import compose, initialize_config_dir

    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        config = instantiate(compose("run", overrides=list(overrides)))
    assert isinstance(config, RunConfig)
    return config


def vllm_models(config: RunConfig) -> tuple[VllmGenerator, VllmVerifier]:
    """Return the config's generator and verifier, which must both be vLLM checkpoints."""
    assert isinstance(config.generator, VllmGenerator)
    assert isinstance(config.prm, VllmVerifier)
    return config.generator, config.prm


def load_llm(settings: VllmSettings, **more: Any) -> LLM:
    """Load a checkpoint into vLLM's own `LLM`, with ttc's engine settings. `more` takes precedence over them."""
    arguments = engine_arguments(settings)  # also sets the environment variables that vLLM reads on import
    from vllm import LLM

    return LLM(**arguments | more)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of `work` and its wall time in seconds."""
    before = time.perf_counter()
    result = work()
    return result, time.perf_counter() - before


def report(title: str, figures: Mapping[str, float | str], ratios: Mapping[str, float]) -> None:
    """Print one line per figure, then the ratios as one JSON object on the last line."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:<44} {value:,.2f}" if isinstance(value, float) else f"  {name:<44} {value}")
    print(json.dumps({name: round(value, 3) for name, value in ratios.items()}))
