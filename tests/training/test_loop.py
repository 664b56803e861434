"""The training loop: it learns, resumes exactly, and stops early when asked to."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import torch

from ttc.errors import RunError, UserError
from ttc.training.corpus import Corpus
from ttc.training.language_model import (
    EncodedDocument,
    LlamaShape,
    build_llama,
    collate_documents,
    document_length,
    language_model_loss,
)
from ttc.training.loop import Batch, Optimisation, Precision, Switch, train_model


def linear_batch(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": x.sum(1, keepdim=True), "n_tokens": torch.tensor(8)}


def squared_error(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    loss: torch.Tensor = (model(batch["x"]) - batch["y"]).square().mean()
    return loss


def fit_linear(directory: Path, *, interrupt_at: int | None = None, fingerprint: str = "same") -> torch.nn.Module:
    """Fit a linear model with dropout in 40 steps, saving every step; Ctrl-C arrives at step `interrupt_at`."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Dropout(0.02), torch.nn.Linear(4, 1))
    optimisation = Optimisation(
        steps=40, learning_rate=0.2, warmup_steps=5, checkpoint_minutes=0, precision=Precision.float32
    )

    def batch_at(step: int) -> list[Batch]:
        if step == interrupt_at:
            raise KeyboardInterrupt
        return [linear_batch(step)]

    train_model(model, batch_at, squared_error, optimisation, directory, title="fit", fingerprint=fingerprint)
    return model


def test_an_interrupted_training_resumes_to_exactly_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    uninterrupted = fit_linear(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fit_linear(tmp_path / "b", interrupt_at=17)
    torch.rand(3)  # another state of the random generator
    resumed = fit_linear(tmp_path / "b")
    assert all(torch.equal(p, q) for p, q in zip(uninterrupted.parameters(), resumed.parameters(), strict=True))
    assert squared_error(uninterrupted, linear_batch(99)) < 0.5
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["checkpoint.pt"]


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="compiling needs a C++ compiler")
def test_compiling_does_not_change_the_trained_weights(tmp_path: Path) -> None:
    def trained(compile: Switch) -> dict[str, torch.Tensor]:
        optimisation = Optimisation(steps=3, warmup_steps=2, precision=Precision.float32, compile=compile)
        torch.manual_seed(0)
        model = build_llama(LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32), 20)
        batch = collate_documents([([1, 5, 6], [7, 8, 2]), ([1, 5], [9, 2])])
        directory = tmp_path / compile
        train_model(
            model, lambda step: [batch], language_model_loss, optimisation, directory, title="compiled", fingerprint=""
        )
        return dict(model.state_dict())

    plain, compiled = trained(Switch.off), trained(Switch.on)
    assert all(torch.allclose(plain[name], compiled[name], atol=1e-4) for name in plain)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    fit_linear(tmp_path)
    with pytest.raises(UserError, match="made with other settings; use the same settings, delete it, or choose"):
        fit_linear(tmp_path, fingerprint="other")


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path, kept: int) -> None:
    fit_linear(tmp_path)
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(
        UserError, match=r"checkpoint\.pt is damaged \(.*\); delete it to train from the start\."
    ) as error:
        fit_linear(tmp_path)
    assert "\n" not in str(error.value)


def test_a_training_that_stopped_early_is_complete(tmp_path: Path) -> None:
    evaluated: list[int] = []

    def evaluate(model: torch.nn.Module, step: int) -> str:
        evaluated.append(step)
        return ""

    for _ in range(2):  # the second time nothing is left to do
        train_model(
            torch.nn.Linear(4, 1),
            lambda step: [linear_batch(step)],
            squared_error,
            Optimisation(steps=100, precision=Precision.float32),
            tmp_path,
            title="fit",
            fingerprint="",
            evaluate=evaluate,
            evaluate_every=10,
            should_stop=lambda: len(evaluated) == 3,
        )
    assert evaluated == [10, 20, 30]


TINY = LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32)
DOCUMENTS: list[EncodedDocument] = [([1, 5], [7] * n) for n in (1, 9, 3, 6, 0, 2)]  # one has no target


def fit_tiny(directory: Path, optimisation: Optimisation, frozen: str = "none") -> torch.nn.Module:
    """Train a small language model on all documents at each step; parameters named like `frozen` stay as they are."""
    torch.manual_seed(0)
    model = build_llama(TINY, 20)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = frozen not in name
    corpus = Corpus(DOCUMENTS, 6, 0, document_length, collate_documents, optimisation.pass_tokens)
    train_model(model, corpus.batch_at, language_model_loss, optimisation, directory, title="fit", fingerprint="")
    trained: torch.nn.Module = model
    return trained


def gradients(pass_tokens: int | None) -> dict[str, torch.Tensor]:
    """Return what a step computed in passes adds up."""
    model = build_llama(TINY, 20)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    added: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        parameter.register_post_accumulate_grad_hook(lambda p, name=name: added.update({name: p.grad.clone()}))
    corpus = Corpus(DOCUMENTS, 6, 0, document_length, collate_documents, pass_tokens)
    optimisation = Optimisation(steps=1, precision=Precision.float32)
    with tempfile.TemporaryDirectory() as directory:
        train_model(
            model, corpus.batch_at, language_model_loss, optimisation, Path(directory), title="fit", fingerprint=""
        )
    return added


@pytest.mark.parametrize("pass_tokens", [1, 8, 12, 30])
def test_the_gradient_of_a_step_in_passes_is_that_of_the_whole_batch(pass_tokens: int) -> None:
    whole, added = gradients(None), gradients(pass_tokens)
    assert max(float(gradient.abs().max()) for gradient in whole.values()) > 0.1
    assert all(torch.allclose(whole[name], added[name], atol=1e-6) for name in whole)


def test_frozen_parameters_stay_as_they_are_and_are_not_in_the_checkpoint(tmp_path: Path) -> None:
    optimisation = Optimisation(steps=3, warmup_steps=1, precision=Precision.float32)
    before = {
        name: weight.clone() for name, weight in fit_tiny(tmp_path / "none", Optimisation(steps=0)).named_parameters()
    }
    after = dict(fit_tiny(tmp_path / "mlp", optimisation, frozen="mlp").named_parameters())
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {name for name in after if "mlp" not in name}
    kept = torch.load(tmp_path / "mlp" / "checkpoint.pt", weights_only=True)["model"]
    assert "model.embed_tokens.weight" in kept and not any("mlp" in name for name in kept)


def test_a_training_with_frozen_parameters_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    optimisation = Optimisation(steps=3, warmup_steps=1, precision=Precision.float32)
    trained, resumed = (fit_tiny(tmp_path, optimisation, frozen="mlp").state_dict() for _ in range(2))
    assert all(torch.equal(trained[name], resumed[name]) for name in trained)


def test_a_checkpoint_of_other_weights_is_refused(tmp_path: Path) -> None:
    optimisation = Optimisation(steps=1, precision=Precision.float32)
    fit_tiny(tmp_path, optimisation, frozen="mlp")
    with pytest.raises(UserError, match=r"checkpoint\.pt holds other weights than those that are trained; delete it"):
        fit_tiny(tmp_path, optimisation)


def test_epochs_must_be_planned_before_training(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the epochs are not planned"):
        fit_tiny(tmp_path, Optimisation(epochs=1.0))


def test_gradient_checkpointing_does_not_change_the_trained_weights(tmp_path: Path) -> None:
    def trained(recomputes: bool) -> dict[str, torch.Tensor]:
        optimisation = Optimisation(
            steps=3, warmup_steps=1, precision=Precision.float32, gradient_checkpointing=recomputes
        )
        model = fit_tiny(tmp_path / str(recomputes), optimisation, frozen="embed")
        assert not getattr(model, "is_gradient_checkpointing", False)  # it is switched off again
        return model.state_dict()

    kept, recomputed = trained(False), trained(True)
    assert all(torch.allclose(kept[name], recomputed[name], atol=1e-6) for name in kept)


def test_gradient_checkpointing_is_refused_where_the_model_does_not_offer_it(tmp_path: Path) -> None:
    optimisation = Optimisation(steps=1, gradient_checkpointing=True)
    with pytest.raises(UserError, match="gradient_checkpointing=true: Linear does not offer it; use false"):
        train_model(
            torch.nn.Linear(4, 1),
            lambda step: [linear_batch(step)],
            squared_error,
            optimisation,
            tmp_path,
            title="fit",
            fingerprint="",
        )


def test_a_full_gpu_ends_a_training_with_advice_on_its_memory(tmp_path: Path) -> None:
    def loss_of(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(RunError, match=r"use optimisation\.pass_tokens=500 \(it is 1000\) or .*checkpointing=true"):
        train_model(
            torch.nn.Linear(4, 1),
            lambda step: [linear_batch(step)],
            loss_of,
            Optimisation(steps=1, pass_tokens=1000),
            tmp_path,
            title="fit",
            fingerprint="",
        )
