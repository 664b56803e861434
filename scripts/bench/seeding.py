"""Measure what a seed per request costs in raw vLLM: `generator.seeded=request` against `generator.seeded=engine`.

    python scripts/bench/seeding.py
    python scripts/bench/seeding.py --batches 8,32 --tokens 16 --rounds 1
    python scripts/bench/seeding.py --generator chat --model DIR     # a checkpoint of another size

With a seed in its SamplingParams, vLLM samples every request with a random generator of its own: one row of the batch
at a time. Without seeds the whole batch is sampled at once. It runs on a GPU where there is one, else on the CPU.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from common import load_llm, prompt_text, ratios_of, report, run_config, timed, vllm_models

if TYPE_CHECKING:
    from vllm import LLM


def main(
    batches: Annotated[str, typer.Option(help="Numbers of requests that run at once, separated by commas.")] = (
        "64,256,1024"
    ),
    tokens: Annotated[int, typer.Option(help="New tokens of every request.")] = 128,
    rounds: Annotated[int, typer.Option(help="Alternations of the two; medians are reported.")] = 5,
    generator: Annotated[str, typer.Option(help="Config of the generator.")] = "pocket",
    model: Annotated[str | None, typer.Option(help="Directory of another checkpoint.")] = None,
) -> None:
    """Print new tokens per second of both at every batch size, and the ratios."""
    import torch

    sizes = [int(size) for size in batches.split(",")]
    overrides = [f"generator={generator}"] + ([f"generator.model={model}"] if model else [])
    config = run_config(*overrides, "strategy=majority", "budget=1", f"generator.max_num_seqs={max(sizes)}")
    settings, _ = vllm_models(config)
    llm = load_llm(settings)
    questions = [prompt_text(settings, llm, problem.question) for problem in config.data.load()]
    figures: dict[str, float | str] = {}
    ratios: dict[str, float] = {}
    for size in sizes:
        prompts = [questions[number % len(questions)] for number in range(size)]
        speeds: dict[str, list[float]] = {"request": [], "engine": []}
        for seeded in speeds:
            _tokens_per_second(llm, prompts, seeded, tokens, settings.temperature)  # warm-up
        for _ in range(rounds):
            for seeded, measured in speeds.items():
                measured.append(_tokens_per_second(llm, prompts, seeded, tokens, settings.temperature))
        for seeded, measured in speeds.items():
            figures[f"{size} requests, seeded={seeded}, new tokens/s"] = median(measured)
        ratios |= ratios_of(f"engine_over_request_{size}", speeds["engine"], speeds["request"])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"
    report(f"{settings.model} on {device}, {tokens} new tokens, {rounds} rounds", figures, ratios)


def _tokens_per_second(llm: LLM, prompts: list[str], seeded: str, tokens: int, temperature: float) -> float:
    """Sample all prompts at once, exactly `tokens` tokens of each."""
    from vllm import SamplingParams

    params = [
        SamplingParams(
            temperature=temperature,
            max_tokens=tokens,
            ignore_eos=True,
            detokenize=False,
            seed=number if seeded == "request" else None,
        )
        for number in range(len(prompts))
    ]
    outputs, seconds = timed(lambda: llm.generate(prompts, params, use_tqdm=False))
    assert all(len(output.outputs[0].token_ids) == tokens for output in outputs)
    return len(prompts) * tokens / seconds


if __name__ == "__main__":
    typer.run(main)
