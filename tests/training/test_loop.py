"""The training loop: it learns, resumes exactly, and stops early when asked to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from ttc.errors import UserError
from ttc.training.language_model import LlamaShape, build_llama, collate_documents, language_model_loss
from ttc.training.loop import Batch, Optimisation, Precision, Switch, train_model


def linear_batch(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": x.sum(1, keepdim=True), "n_tokens": torch.tensor(8)}


def squared_error(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    loss: torch.Tensor = (model(batch["x"]) - batch["y"]).square().mean()
    return loss


def fit_linear(directory: Path, *, interrupt_at: int | None = None, fingerprint: str = "same") -> torch.nn.Module:
    """Fit a linear model in 40 steps, saving every step; Ctrl-C arrives at step `interrupt_at`."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimisation = Optimisation(
        steps=40, learning_rate=0.2, warmup_steps=5, checkpoint_minutes=0, precision=Precision.float32
    )

    def batch_at(step: int) -> Batch:
        if step == interrupt_at:
            raise KeyboardInterrupt
        return linear_batch(step)

    train_model(model, batch_at, squared_error, optimisation, directory, title="fit", fingerprint=fingerprint)
    return model


def test_an_interrupted_training_resumes_to_exactly_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    uninterrupted = fit_linear(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        fit_linear(tmp_path / "b", interrupt_at=17)
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
            model, lambda step: batch, language_model_loss, optimisation, directory, title="compiled", fingerprint=""
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


def test_the_learning_rate_warms_up_and_decays_to_a_hundredth() -> None:
    optimisation = Optimisation(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [optimisation.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[100] == pytest.approx(0.01)


def test_a_training_that_stopped_early_is_complete(tmp_path: Path) -> None:
    evaluated: list[int] = []

    def evaluate(model: torch.nn.Module, step: int) -> str:
        evaluated.append(step)
        return ""

    for _ in range(2):  # the second time nothing is left to do
        train_model(
            torch.nn.Linear(4, 1),
            linear_batch,
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
