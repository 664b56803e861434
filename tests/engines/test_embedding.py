"""The generator's last hidden state at the end of its prompt, against transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ttc.engines.base import Draw, Engine, Generator, start_engine
from ttc.engines.checkpoint import resolve
from ttc.engines.embedding import embed_problems
from ttc.engines.generator import VllmGenerator
from ttc.engines.vllm_setup import shape_of
from ttc.errors import UserError
from ttc.models import Embeddings
from ttc.pocket.problems import load_split
from ttc.types import Problem, Sample, Trace

pytestmark = pytest.mark.usefixtures("small_caches")

PROBLEMS = load_split("validation")[:12]


@pytest.fixture(scope="module")
def embedded() -> Embeddings:
    return embed_problems(VllmGenerator(), PROBLEMS)


def by_transformers(prompt: str) -> Any:
    """Return the last hidden state, after the final norm, at the prompt's last token; and the number of its tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))(prompt, return_tensors="pt")["input_ids"]
    model = AutoModel.from_pretrained(resolve("pocket", "generator"), dtype=torch.float32)
    with torch.no_grad():
        return model(ids).last_hidden_state[0, -1].numpy(), ids.shape[1]


def test_vectors_are_the_last_hidden_states_of_transformers_not_normalised(embedded: Embeddings) -> None:
    assert embedded.vectors.shape == (len(PROBLEMS), 128) and embedded.vectors.dtype == np.float64
    for problem, vector in zip(PROBLEMS, embedded.vectors, strict=True):
        expected, _ = by_transformers(f"{problem.question}\n")
        assert vector == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert np.linalg.norm(embedded.vectors, axis=1).min() > 2  # of length 1 they would have lost something


def test_the_cost_is_one_prefill_of_every_prompt(embedded: Embeddings) -> None:
    shape = shape_of(resolve("pocket", "generator"), None)
    assert shape is not None and embedded.flops is not None
    lengths = [by_transformers(f"{problem.question}\n")[1] for problem in PROBLEMS]
    computed_afresh = sum(shape.pass_flops(0, length) for length in lengths)
    assert 0 < embedded.tokens <= sum(lengths)  # what the prompts begin with in common is computed once
    assert 0 < embedded.flops <= computed_afresh
    alone = embed_problems(VllmGenerator(), PROBLEMS[:1])
    assert (alone.tokens, alone.flops) == (lengths[0], shape.pass_flops(0, lengths[0]))


def test_the_prompt_is_the_generators_own(embedded: Embeddings) -> None:
    found = embed_problems(VllmGenerator(prompt="Solve: {question}\n\n"), PROBLEMS[:2])
    for problem, vector in zip(PROBLEMS, found.vectors, strict=False):
        assert vector == pytest.approx(by_transformers(f"Solve: {problem.question}\n\n")[0], rel=1e-3, abs=1e-3)
    assert np.abs(found.vectors[0] - embedded.vectors[0]).max() > 0.1


def test_a_generator_can_be_started_afterwards(embedded: Embeddings) -> None:
    engine = start_engine(VllmGenerator(max_tokens=4))
    engine.submit(0, Sample(Trace(PROBLEMS[0])), Draw(0, 0))
    while engine.is_busy:
        for reply in engine.poll():
            assert isinstance(reply.reply, Trace) and reply.usage.decoded == 4


def test_a_generator_without_hidden_states_is_refused_on_one_line() -> None:
    class Silent(Generator):
        name = "silent"

        def start(self) -> Engine:
            raise NotImplementedError

    with pytest.raises(UserError, match=r"silent shows no hidden states, .*; use difficulty=predicted\."):
        Silent().embed([Problem("a", "1+1?", "2")])
