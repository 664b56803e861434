"""The trainings, in small: they learn, resume, and measure what they say they measure."""

from __future__ import annotations

import itertools
import math
import os
import shutil
from pathlib import Path
from random import Random

import pytest
import torch

from ttc.errors import UserError
from ttc.pocket.pen import Pen
from ttc.pocket.problems import drafts
from ttc.pocket.tokenizer import train_tokenizer
from ttc.training.generator import IGNORED, GeneratorTraining, LlamaShape, build_llama, language_model_loss, pad
from ttc.training.loop import Optimisation, Precision, Switch, train
from ttc.training.value_model import Encoded, collate, value_loss, within_problem_auc

TINY = LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32)


def texts(count: int) -> list[str]:
    documents = itertools.islice(drafts("train", 11), count)
    return [f"{d.question}\n{''.join(d.solution(Pen(Random(1), d.level))[0])}" for d in documents]


def test_the_tokenizer_gives_back_every_text_and_never_puts_a_newline_inside_a_token() -> None:
    corpus = texts(2000)
    tokenizer = train_tokenizer(corpus)
    for text in corpus[:200]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        tokens = [tokenizer.decode([token]) for token in ids]
        assert all("\n" not in token[:-1] for token in tokens)
    assert all(len(tokenizer(str(n), add_special_tokens=False)["input_ids"]) == 1 for n in range(100))


def training(steps: int) -> GeneratorTraining:
    return GeneratorTraining(
        shape=TINY,
        optimisation=Optimisation(steps=steps, warmup_steps=2, precision=Precision.FLOAT32),
        batch_documents=64,
        tokenizer_documents=300,
    )


def test_a_trained_generator_is_a_checkpoint_that_transformers_loads(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    training(3).run(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.num_hidden_layers == 1
    assert tokenizer("1")["input_ids"][0] == tokenizer.bos_token_id


def linear_batch(step: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": x.sum(1, keepdim=True), "n_tokens": torch.tensor(8)}


def squared_error(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    loss: torch.Tensor = (model(batch["x"]) - batch["y"]).square().mean()
    return loss


def fitted(directory: Path, *, stop_at: int | None, fingerprint: str = "same") -> torch.nn.Module:
    """A linear fit of 40 steps; `stop_at` kills it there."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimisation = Optimisation(
        steps=40, learning_rate=0.2, warmup_steps=5, checkpoint_minutes=0, precision=Precision.FLOAT32
    )

    def batch_at(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        return linear_batch(step)

    train(model, batch_at, squared_error, optimisation, directory, title="fit", fingerprint=fingerprint)
    return model


def test_a_killed_training_goes_on_to_exactly_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    unbroken = fitted(tmp_path / "a", stop_at=None)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "b", stop_at=17)
    resumed = fitted(tmp_path / "b", stop_at=None)
    assert all(torch.equal(p, q) for p, q in zip(unbroken.parameters(), resumed.parameters(), strict=True))
    assert squared_error(unbroken, linear_batch(99)) < 0.5


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="compiling needs a C++ compiler")
def test_a_compiled_training_gives_the_weights_of_a_plain_one(tmp_path: Path) -> None:
    def trained(compile: Switch) -> dict[str, torch.Tensor]:
        optimisation = Optimisation(steps=3, warmup_steps=2, precision=Precision.FLOAT32, compile=compile)
        torch.manual_seed(0)
        model = build_llama(TINY, 20)
        batch = pad([([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])])
        train(
            model,
            lambda step: batch,
            language_model_loss,
            optimisation,
            tmp_path / compile,
            title="compiled",
            fingerprint="",
        )
        return dict(model.state_dict())

    plain, compiled = trained(Switch.OFF), trained(Switch.ON)
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-4) for name in plain)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    fitted(tmp_path, stop_at=None)
    with pytest.raises(UserError, match="other settings"):
        fitted(tmp_path, stop_at=None, fingerprint="other")


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth() -> None:
    optimisation = Optimisation(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [optimisation.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[100] == pytest.approx(0.01)


def test_the_language_model_loss_counts_solution_tokens_alone() -> None:
    torch.manual_seed(0)
    model = build_llama(TINY, 20).eval()
    batch = pad([([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])])
    assert (batch["labels"] != IGNORED).sum() == 5
    expected = []
    for context, target in (([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])):
        logs = model(torch.tensor([context + target])).logits[0].log_softmax(-1)
        expected += [-logs[len(context) + i - 1, token].item() for i, token in enumerate(target)]
    assert language_model_loss(model, batch).item() == pytest.approx(sum(expected) / 5, rel=1e-4)


class Constant(torch.nn.Module):
    """A value model whose logit is the same everywhere."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.model = lambda input_ids, use_cache: type("Out", (), {"last_hidden_state": input_ids[..., None].float()})
        self.score = lambda hidden: torch.full_like(hidden, logit)


def test_the_value_loss_is_binary_cross_entropy_with_soft_labels_at_step_ends_alone() -> None:
    rows = [Encoded([1, 5, 6, 7], [1, 3], [0.25, 1.0], 1), Encoded([1, 5], [1], [0.0], 1)]
    value = 1 / (1 + math.exp(-0.3))
    expected = [-(t * math.log(value) + (1 - t) * math.log(1 - value)) for t in (0.25, 1.0, 0.0)]
    assert value_loss(Constant(0.3), collate(rows)).item() == pytest.approx(sum(expected) / 3, rel=1e-5)


def test_auc_within_problems_ignores_how_hard_a_problem_is() -> None:
    easy = [("easy", 0.9, True), ("easy", 0.8, False)]
    hard = [("hard", 0.3, True), ("hard", 0.1, False), ("hard", 0.2, False)]
    assert within_problem_auc(easy + hard) == 1.0
    assert within_problem_auc([*easy, ("hard", 0.1, True), ("hard", 0.1, False)]) == 0.75
    assert math.isnan(within_problem_auc([("all right", 0.5, True)]))
