"""Measure end-to-end best-of-64 against raw `LLM.generate` on the same prompts.

    python scripts/bench/throughput.py
    python scripts/bench/throughput.py --problems 20 --budget 16 --rounds 1
    python scripts/bench/throughput.py --generator chat --model DIR --problems 8 --budget 8 generator.max_tokens=256

The ratio shows what the runner, the store and grading cost. Both sides have the same checkpoint, engine settings,
number of samples and token limit; the raw side samples without seeds, stores nothing and grades nothing. Time in the
verifier is reported separately: the raw side does no scoring. A beam search follows, whose prompts are mostly prefixes
that were computed before: the share that the prefix cache serves depends on the size of its blocks.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, ParamSpec, TypeVar

import typer
from common import load_llm, prompt_text, ratios_of, report, run_config, timed, vllm_engine, vllm_models

from ttc.config import RunConfig
from ttc.engines.base import EngineConfig
from ttc.execution.experiment import execute

P = ParamSpec("P")
R = TypeVar("R")


def main(
    overrides: Annotated[list[str] | None, typer.Argument(help="Further overrides of the run's config.")] = None,
    problems: Annotated[int, typer.Option(help="Number of problems from the pocket's test set.")] = 100,
    budget: Annotated[int, typer.Option(help="Samples per problem.")] = 64,
    rounds: Annotated[int, typer.Option(help="Alternations of the two sides; medians are reported.")] = 3,
    search_budget: Annotated[int, typer.Option(help="Budget of the beam search.")] = 16,
    generator: Annotated[str, typer.Option(help="Config of the generator.")] = "pocket",
    model: Annotated[str | None, typer.Option(help="Directory of another checkpoint for it.")] = None,
) -> None:
    """Print both throughputs and their ratio, and the share of cached prompt tokens in a beam search."""
    with tempfile.TemporaryDirectory() as scratch:
        shared = [f"data.limit={problems}", f"generator={generator}"]
        shared += [f"generator.model={model}"] if model else []
        # Three engines share a GPU; on a CPU these have no effect.
        shared += ["generator.gpu_memory_utilization=0.3", "prm.gpu_memory_utilization=0.2", *(overrides or [])]
        best_of_n = ["strategy=best_of_n", f"budget={budget}", *shared]
        first = run_config(*best_of_n)
        clocks = [VllmClock(settings) for settings in vllm_models(first)]
        raw_tokens_per_second = _raw_sampler(first)
        ours, raw, own_shares, verifier_shares = [], [], [], []
        for seed in range(rounds):
            config = run_config(*best_of_n, f"seed={seed}", f"store.path={scratch}/{seed}.sqlite")
            summary = execute(config, Path(scratch) / str(seed)).summary
            work = summary["seconds"]["total"] - summary["seconds"]["load"]
            in_generator, in_verifier = (clock.take() for clock in clocks)
            ours.append(summary["tokens"]["decoded"] / (work - in_verifier))
            own_shares.append((work - in_generator - in_verifier) / work)
            verifier_shares.append(in_verifier / work)
            raw.append(raw_tokens_per_second())
        search = _search(run_config("strategy=beam", f"budget={search_budget}", *shared, "store=off"), Path(scratch))
    report(
        f"best-of-{budget} on {problems} problems, {rounds} rounds",
        {
            "ttc without scoring, decoded tokens/s": median(ours),
            "raw LLM.generate, decoded tokens/s": median(raw),
            "share of wall time in the verifier": median(verifier_shares),
            "share of wall time outside vLLM": median(own_shares),
            **search,
        },
        {**ratios_of("throughput_over_raw", ours, raw), "own_python_share": median(own_shares)},
    )


class VllmClock:
    """Counts the seconds that a model's engine spends inside vLLM: adding requests and stepping."""

    def __init__(self, model: EngineConfig) -> None:
        """Start the engine, and wrap vLLM's methods."""
        self._seconds = 0.0
        engine = vllm_engine(model)
        for name in ("add_request", "step"):
            setattr(engine, name, self._timed(getattr(engine, name)))

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

    prompts = [prompt_text(generator, llm, problem.question) for problem in config.data.load()]
    params = SamplingParams(
        temperature=generator.temperature,
        max_tokens=generator.max_tokens,
        stop=generator.stop,
        n=config.budget,
        detokenize=True,
    )

    def sample() -> float:
        outputs, seconds = timed(lambda: llm.generate(prompts, params, use_tqdm=False))
        tokens: int = sum(len(completion.token_ids) for output in outputs for completion in output.outputs)
        return tokens / seconds

    return sample


def _search(config: RunConfig, scratch: Path) -> dict[str, float | str]:
    """Run a beam search with empty prefix caches; return what they served."""
    engines = [vllm_engine(model) for model in vllm_models(config)]
    for engine in engines:
        engine.reset_prefix_cache()
    tokens = execute(config, scratch / "search").summary["tokens"]
    shares = {
        "prompt tokens of beam search, cached share": tokens["cached"] / (tokens["cached"] + tokens["prompt"]),
        "verifier tokens of it, cached share": tokens["prm_cached"] / (tokens["prm_cached"] + tokens["prm"]),
    }
    sizes = [engine.vllm_config.cache_config.block_size for engine in engines]
    return {**shares, "block size, generator and verifier": f"{sizes[0]} and {sizes[1]}"}


if __name__ == "__main__":
    typer.run(main)
