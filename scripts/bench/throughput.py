#!/usr/bin/env python
"""End-to-end best-of-64 against raw `LLM.generate` on the same prompts: what the runner, store and grading cost.

Same checkpoint, engine settings, number of samples and token limit; the raw side samples without seeds, keeps nothing
and grades nothing. PRM scoring is told apart: it is work that the raw side does not do.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from bench_common import median, run_config, timed, told

from ttc.config import RunConfig


def main(
    problems: Annotated[int, typer.Option(help="Problems of the pocket's test set.")] = 100,
    budget: Annotated[int, typer.Option(help="Samples a problem.")] = 64,
    rounds: Annotated[int, typer.Option(help="Alternations of the two sides; the median ratio counts.")] = 3,
) -> None:
    """Print both throughputs and their ratio."""
    from ttc.engines.base import start_engine
    from ttc.execution.experiment import run

    with tempfile.TemporaryDirectory() as scratch:
        overrides = ["strategy=best_of_n", f"budget={budget}", f"data.limit={problems}"]
        first = run_config(*overrides)
        clocks = [VllmClock(start_engine(first.generator)), VllmClock(start_engine(first.prm))]
        raw_tokens_per_second = _raw_generator(first)
        ours, theirs, shares, scoring = [], [], [], []
        for number in range(rounds):
            config = run_config(*overrides, f"seed={number}", f"store.path={scratch}/{number}.sqlite")
            summary = run(config, Path(scratch) / str(number))
            seconds = summary["seconds"]
            work = seconds["total"] - seconds["load"]
            in_generator, in_verifier = (clock.taken() for clock in clocks)
            ours.append(summary["tokens"]["decoded"] / (work - in_verifier))
            shares.append((work - in_generator - in_verifier) / work)
            scoring.append(in_verifier / work)
            theirs.append(raw_tokens_per_second())
    told(
        f"best-of-{budget} on {problems} problems, {rounds} rounds",
        {
            "ratios of the rounds": ", ".join(f"{mine / raw:.3f}" for mine, raw in zip(ours, theirs, strict=True)),
            "ttc, decoded tokens/s without scoring": median(ours),
            "raw LLM.generate, decoded tokens/s": median(theirs),
            "share of the wall time in the verifier": median(scoring),
            "share outside vLLM: runner, store, grading, tables": median(shares),
        },
        {
            "throughput_over_raw": median([mine / raw for mine, raw in zip(ours, theirs, strict=True)]),
            "own_python_share": median(shares),
        },
    )


class VllmClock:
    """Counts the seconds inside vLLM: adding requests and stepping."""

    def __init__(self, engine: Any) -> None:
        self._seconds = 0.0
        for name in ("add_request", "step"):
            setattr(engine._engine, name, self._timed(getattr(engine._engine, name)))

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            before = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                self._seconds += time.perf_counter() - before

        return run

    def taken(self) -> float:
        """The seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def _raw_generator(config: RunConfig) -> Callable[[], float]:
    """A function that samples every prompt `budget` times with `LLM.generate` and returns tokens a second."""
    from vllm import LLM, SamplingParams

    from ttc.engines.checkpoint import resolve
    from ttc.engines.vllm_setup import engine_arguments

    generator = config.generator
    llm = LLM(**engine_arguments(resolve(generator.model, "generator"), generator))
    prompts = [generator.prompt.replace("{question}", problem.question) for problem in config.data.load()]
    params = SamplingParams(
        temperature=generator.temperature, max_tokens=generator.max_tokens, n=config.budget, detokenize=True
    )

    def sample() -> float:
        outputs, seconds = timed(lambda: llm.generate(prompts, params, use_tqdm=False))
        return sum(len(completion.token_ids) for output in outputs for completion in output.outputs) / seconds

    return sample


if __name__ == "__main__":
    typer.run(main)
