"""Shared by the benchmarks: composing a run's config, loading its models without ttc, timing, and reporting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from ttc.app.registry import config_directory, instantiate, register_run
from ttc.config import RunConfig
from ttc.engines.base import EngineConfig, start_engine
from ttc.engines.generator import VllmGenerator
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.verifier import VllmVerifier
from ttc.engines.verifier_engine import VerifierEngine
from ttc.engines.vllm_sampler import VllmSampler
from ttc.engines.vllm_scorer import VllmScorer
from ttc.engines.vllm_setup import VllmSettings, engine_arguments
from ttc.grading import extract_answer

if TYPE_CHECKING:
    from vllm import LLM
    from vllm.v1.engine.llm_engine import LLMEngine

T = TypeVar("T")

Solution = tuple[str, float]
"""A solution's text and its value."""


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


def vllm_engine(model: EngineConfig) -> LLMEngine:
    """Return the vLLM engine with which ttc runs a model in this process."""
    engine = start_engine(model)
    assert isinstance(engine, GeneratorEngine | VerifierEngine)
    asked = engine._sampler if isinstance(engine, GeneratorEngine) else engine._scorer
    assert isinstance(asked, VllmSampler | VllmScorer)
    return asked._model.engine


def prompt_text(generator: VllmGenerator, llm: LLM, question: str) -> str:
    """Return what the generator is shown before a solution, as text."""
    text = generator.user(question)
    return generator.render(llm.get_tokenizer(), [("user", text)]) if generator.chat else text


def weighted_answer(solutions: Iterable[Solution]) -> str | None:
    """Return the answer whose solutions have the largest sum of values."""
    weights: dict[str, float] = {}
    for text, value in solutions:
        answer = extract_answer(text)
        if answer is not None:
            weights[answer] = weights.get(answer, 0.0) + value
    return max(weights, key=lambda answer: weights[answer]) if weights else None


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of `work` and its wall time in seconds."""
    before = time.perf_counter()
    result = work()
    return result, time.perf_counter() - before


def ratios_of(name: str, numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """Return the ratio of the medians over all rounds, and the smallest and the largest ratio of a round."""
    of_rounds = [above / below for above, below in zip(numerators, denominators, strict=True)]
    ratio = median(numerators) / median(denominators)
    return {name: ratio, f"{name}_min": min(of_rounds), f"{name}_max": max(of_rounds)}


def report(title: str, figures: Mapping[str, float | str], ratios: Mapping[str, float]) -> None:
    """Print one line per figure, then the ratios as one JSON object on the last line."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:<44} {value:,.2f}" if isinstance(value, float) else f"  {name:<44} {value}")
    print(json.dumps({name: round(value, 3) for name, value in ratios.items()}))
