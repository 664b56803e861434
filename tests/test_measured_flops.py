"""The ledger against what torch counts while the pocket models work, and against what vLLM reports as cached.

torch counts attention over a whole prompt as if every token attended to all of it. Here a token attends to itself and
those before it, so each is passed on its own, behind the cache of the others, as in decoding.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ttc.cost import Ledger, ModelShape
from ttc.engines.base import Draw, Engine, EngineReply, start_engine
from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.engines.vllm_setup import CPU_BLOCK_SIZE
from ttc.execution.runner import Runner, start_flows
from ttc.pocket.problems import load_split
from ttc.strategies.parallel import BestOfN
from ttc.types import FinishReason, Request, Sample, Score, Step, Trace

TOLERANCE = 0.05
MODELS = {
    "pocket": "generator",
    "pocket-larger": "generator",
    "pocket-reviser": "generator",
    "pocket-prm": "prm",
    "pocket-revision-verifier": "prm",
}


def loaded(name: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    group = MODELS[name]
    kind = AutoModelForCausalLM if group == "generator" else AutoModelForSequenceClassification
    source = resolve("pocket" if name == "pocket-prm" else name, group)
    return kind.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()


def shape_of(name: str) -> ModelShape:
    return ModelShape.of_checkpoint(Path(resolve("pocket" if name == "pocket-prm" else name, MODELS[name])))


def counted(model: Any, cached: int, computed: int, heads: int) -> int:
    """Return torch's count of passing `computed` tokens behind `cached` ones, `heads` of them up to the logits."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    draw = random.Random(f"{cached}/{computed}")
    ids = torch.tensor([[draw.randrange(model.config.vocab_size) for _ in range(cached + computed)]])  # (1, tokens)
    with torch.inference_mode():
        known = model.model(ids[:, :cached], use_cache=True).past_key_values if cached else None
        with FlopCounterMode(display=False) as counter:
            for place in range(cached, cached + computed):
                out = model.model(ids[:, place : place + 1], past_key_values=known, use_cache=True)
                known = out.past_key_values
                if place >= cached + computed - heads:
                    model.lm_head(out.last_hidden_state)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", [name for name, group in MODELS.items() if group == "generator"])
@pytest.mark.parametrize(
    ("cached", "prompt", "decoded"), [(0, 20, 40), (0, 60, 1), (32, 3, 60), (192, 11, 190), (0, 1, 8)]
)
def test_the_flops_of_a_sample_are_those_that_torch_counts(name: str, cached: int, prompt: int, decoded: int) -> None:
    ledger = Ledger(shape_of(name))
    ledger.charge_sample(prompt, cached, decoded)
    # The last token is sampled, but never passed through the model.
    expected = counted(loaded(name), cached, prompt + decoded - 1, heads=decoded)
    assert ledger.flops().full == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("name", [name for name, group in MODELS.items() if group == "prm"])
@pytest.mark.parametrize(("cached", "prompt"), [(0, 12), (0, 90), (64, 20), (256, 60)])
def test_the_flops_of_a_score_are_those_that_torch_counts(name: str, cached: int, prompt: int) -> None:
    ledger = Ledger(None, shape_of(name))
    ledger.charge_score(prompt, cached)
    expected = counted(loaded(name), cached, prompt, heads=0)
    assert ledger.full_flops == pytest.approx(expected, rel=TOLERANCE)


def test_the_paper_convention_is_near_the_flops_of_a_pass_without_attention_and_caches() -> None:
    shape = shape_of("pocket")
    ledger = Ledger(shape)
    ledger.charge_sample(prompt=1, cached=0, decoded=100)
    expected = counted(loaded("pocket"), 0, 100, heads=100)
    attention = shape.pass_flops(0, 100) - 2 * shape.params_non_embedding * 100
    assert ledger.flops().paper == pytest.approx(expected - attention, rel=TOLERANCE)


@pytest.fixture(scope="module")
def engines() -> tuple[Engine, Engine]:
    return start_engine(VllmGenerator()), start_engine(VllmVerifier())


def replies(engine: Engine, requests: Sequence[Request], first_draw: int) -> list[EngineReply]:
    for ticket, request in enumerate(requests):
        engine.submit(ticket, request, Draw(17, first_draw + ticket))
    found = []
    while engine.is_busy:
        found += engine.poll()
    return sorted(found, key=lambda reply: reply.ticket)


def vllm_of(engine: Any) -> Any:
    """Return vLLM's engine below a generator's or a verifier's."""
    part = getattr(engine, "_sampler", None) or engine._scorer
    return part._model.engine


def vllm_counts(engine: Any, requests: Sequence[Request], first_draw: int) -> tuple[list[EngineReply], list[int]]:
    """Return the replies, and vLLM's own count of the tokens that its cache served of each request."""
    counts: dict[int, int] = {}
    step = vllm_of(engine).step

    def watched() -> Any:
        outputs = step()
        counts.update({int(output.request_id): output.num_cached_tokens or 0 for output in outputs})
        return outputs

    vllm_of(engine).step = watched
    try:
        found = replies(engine, requests, first_draw)
    finally:
        vllm_of(engine).step = step
    return found, [counts[ticket] for ticket in range(len(requests))]


def long_trace() -> Trace:
    """Return a trace of more than three blocks of the prefix cache."""
    from transformers import AutoTokenizer

    problem = max(load_split("validation"), key=lambda problem: len(problem.question))
    tokenizer = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    line = "1+2=3\n"
    ids = tuple(tokenizer(line, add_special_tokens=False)["input_ids"])
    steps = (Step(line, ids),) * (3 * CPU_BLOCK_SIZE // len(ids) + 1)
    return Trace(problem, steps, FinishReason.STEP)


@pytest.mark.usefixtures("small_caches")
def test_the_cached_tokens_of_a_repeated_prompt_are_those_that_vllm_reports(engines: tuple[Engine, Engine]) -> None:
    trace = long_trace()
    for engine, request in ((engines[0], Sample(trace, max_steps=1)), (engines[1], Score(trace))):
        [first], _ = vllm_counts(engine, [request], 0)
        again, cached = vllm_counts(engine, [request] * 3, 1)
        length = first.usage.prompt + first.usage.cached
        assert [reply.usage.cached for reply in again] == cached
        assert all(reply.usage.prompt == length - count for reply, count in zip(again, cached, strict=True))
        assert all(length - 2 * CPU_BLOCK_SIZE < count < length for count in cached)  # all whole blocks but the last


@pytest.mark.usefixtures("small_caches")
def test_the_ledger_of_a_run_charges_what_vllm_computed_and_not_what_its_cache_served(
    engines: tuple[Engine, Engine],
) -> None:
    [problem] = load_split("validation")[:1]
    runner = Runner(*engines, seed=23)
    seen: list[tuple[int, int, int]] = []  # prompt, cached and decoded tokens by request
    engine: Any = engines[0]
    step = vllm_of(engine).step

    def watched() -> Any:
        outputs = step()
        seen.extend(
            (len(o.prompt_token_ids), o.num_cached_tokens or 0, len(o.outputs[0].token_ids))
            for o in outputs
            if o.finished
        )
        return outputs

    vllm_of(engine).step = watched
    try:
        [outcome] = runner.run(start_flows([problem], lambda problem: BestOfN().solve(problem, 6)))
    finally:
        vllm_of(engine).step = step
    tokens = outcome.tokens
    assert (tokens.prompt + tokens.cached, tokens.cached) == (sum(s[0] for s in seen), sum(s[1] for s in seen))
    assert tokens.decoded == sum(s[2] for s in seen)
    assert outcome.flops.full == runner.ledger.flops().full
