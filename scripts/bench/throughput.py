"""Measure end-to-end best-of-64 against raw `LLM.generate` on the same prompts.

    python scripts/bench/throughput.py
    python scripts/bench/throughput.py --problems 20 --budget 16 --rounds 1

The ratio shows what the runner, the store and grading cost. Both sides have the same checkpoint, engine settings,
number of samples and token limit; the raw side samples without seeds, stores nothing and grades nothing. Time in the
verifier is reported separately: the raw side does no scoring.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median_high
from typing import Annotated, ParamSpec, TypeVar

import typer
from common import load_llm, report, run_config, timed, vllm_models

from ttc.config import RunConfig
from ttc.engines.base import EngineConfig, start_engine
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.verifier import VerifierEngine
from ttc.execution.experiment import run_experiment

P = ParamSpec("P")
R = TypeVar("R")


def main(
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 100,
    budget: Annotated[int, typer.Option(help="Samples per problem.")] = 64,
    rounds: Annotated[int, typer.Option(help="Alternations of the two sides; the median ratio is reported.")] = 3,
) -> None:
    """Print both throughputs and their ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        overrides = ["strategy=best_of_n", f"budget={budget}", f"data.limit={problems}"]
        first = run_config(*overrides)
        clocks = [VllmClock(model) for model in vllm_models(first)]
        raw_tokens_per_second = _raw_sampler(first)
        ours, raw, own_shares, verifier_shares = [], [], [], []
        for seed in range(rounds):
            config = run_config(*overrides, f"seed={seed}", f"store.path={scratch}/{seed}.sqlite")
            summary = run_experiment(config, Path(scratch) / str(seed))
            work = summary["seconds"]["total"] - summary["seconds"]["load"]
            in_generator, in_verifier = (clock.take() for clock in clocks)
            ours.append(summary["tokens"]["decoded"] / (work - in_verifier))
            own_shares.append((work - in_generator - in_verifier) / work)
            verifier_shares.append(in_verifier / work)
            raw.append(raw_tokens_per_second())
    ratios = [mine / other for mine, other in zip(ours, raw, strict=True)]
    report(
        f"best-of-{budget} on {problems} problems, {rounds} rounds",
        {
            "ratio of each round": ", ".join(f"{ratio:.3f}" for ratio in ratios),
            "ttc without scoring, decoded tokens/s": median_high(ours),
            "raw LLM.generate, decoded tokens/s": median_high(raw),
            "share of wall time in the verifier": median_high(verifier_shares),
            "share of wall time outside vLLM": median_high(own_shares),
        },
        {"throughput_over_raw": median_high(ratios), "own_python_share": median_high(own_shares)},
    )


class VllmClock:
    """Counts the seconds that a model's engine spends inside vLLM: adding requests and stepping."""

    def __init__(self, model: EngineConfig) -> None:
        """Start the engine, and wrap vLLM's methods."""
        self._seconds = 0.0
        engine = start_engine(model)
        assert isinstance(engine, GeneratorEngine | VerifierEngine)
        for name in ("add_request", "step"):
            setattr(engine._model.engine, name, self._timed(getattr(engine._model.engine, name)))

    def _timed(self, work: Callable[P, R]) -> Callable[P, R]:
        def run(*arguments: P.args, **named: P.kwargs) -> R:
            before = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                self._seconds += time.perf_counter() - before

        return run

    def take(self) -> float:
        """Return the seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _raw_sampler(config: RunConfig) -> Callable[[], float]:
    """Return a function that samples `budget` times per prompt with `LLM.generate` and returns tokens per second."""
    generator, _ = vllm_models(config)
    llm = load_llm(generator)
    from vllm import SamplingParams

    prompts = [generator.prompt.replace("{question}", problem.question) for problem in config.data.load()]
    params = SamplingParams(
        temperature=generator.temperature, max_tokens=generator.max_tokens, n=config.budget, detokenize=True
    )

    def sample() -> float:
        outputs, seconds = timed(lambda: llm.generate(prompts, params, use_tqdm=False))
        tokens: int = sum(len(completion.token_ids) for output in outputs for completion in output.outputs)
        return tokens / seconds

    return sample


if __name__ == "__main__":
    typer.run(main)
