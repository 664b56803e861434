"""Training the pocket generator and its tokenizer."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from random import Random

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from ttc.errors import UserError
from ttc.pocket.pen import Pen
from ttc.pocket.problems import drafts
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.generator import GeneratorTraining, PocketCorpus
from ttc.training.language_model import LlamaShape
from ttc.training.loop import Optimisation, Precision


def texts(count: int) -> list[str]:
    problems = itertools.islice(drafts("train", 11), count)
    return [f"{draft.question}\n{''.join(draft.solution(Pen(Random(1), draft.level))[0])}" for draft in problems]


def test_the_tokenizer_restores_every_text_and_ends_a_token_at_each_newline() -> None:
    corpus = texts(2000)
    tokenizer = train_tokenizer(corpus)
    for text in corpus[:200]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        tokens = [tokenizer.decode([token]) for token in ids]
        assert all("\n" not in token[:-1] for token in tokens)
    assert all(len(tokenizer(str(n), add_special_tokens=False)["input_ids"]) == 1 for n in range(100))


def test_a_trained_generator_is_a_checkpoint_that_transformers_loads(tmp_path: Path) -> None:
    GeneratorTraining(
        shape=LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32),
        optimisation=Optimisation(steps=3, warmup_steps=2, precision=Precision.float32),
        batch_documents=64,
        tokenizer_documents=300,
    ).run(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.num_hidden_layers == 1
    assert tokenizer("1")["input_ids"][0] == tokenizer.bos_token_id
    info = json.loads((tmp_path / "model" / "model_info.json").read_text())
    assert info["parameters"] == sum(p.numel() for p in model.parameters())


def test_a_step_of_the_generator_can_be_split_into_passes(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(texts(300))
    whole, parts = (PocketCorpus(tokenizer, 0, 64, pass_tokens).batch_at(3) for pass_tokens in (None, 700))
    assert len(whole) == 1 < len(parts) and max(part["input_ids"].numel() for part in parts) <= 700
    assert sum(int(part["n_tokens"]) for part in parts) == int(whole[0]["n_tokens"])


def test_there_are_no_epochs_of_endless_problems() -> None:
    with pytest.raises(UserError, match=r"optimisation\.epochs=2\.0: pocket problems are drawn without end"):
        GeneratorTraining(optimisation=Optimisation(epochs=2.0)).check()
