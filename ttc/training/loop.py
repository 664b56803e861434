"""The training loop of the generator and the verifiers: AdamW, warm-up and cosine, checkpoints, a progress bar."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ttc.errors import UserError
from ttc.progress_bar import ProgressBar

if TYPE_CHECKING:
    import torch

LOG_SECONDS = 60.0


class Precision(StrEnum):
    """What the forward pass computes in; the weights are float32 always."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Switch(StrEnum):
    """On, off, or whatever pays here."""

    auto = "auto"
    on = "on"
    off = "off"


@dataclass
class Optimisation:
    """How the weights are moved. Defaults suit the pocket models."""

    steps: int = 12_000
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.95)
    clip_norm: float = 1.0
    checkpoint_minutes: float = 3.0
    precision: Precision = Precision.auto
    compile: Switch = Switch.auto

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then a cosine down to a hundredth."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def pick_device() -> str:
    """`cuda` where there is a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def autocasts(precision: Precision, device: str) -> bool:
    """Does bfloat16 pay here? Where a CPU only emulates it, it is slower than float32."""
    import torch

    if precision is not Precision.auto:
        return precision is Precision.bfloat16
    return device == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


COMPILING_PAYS_FROM_STEPS = 500


def compiles(compile: Switch, steps: int) -> bool:
    """Does compiling the model pay? It takes about a minute, then doubles the speed; it needs a C++ compiler."""
    if compile is not Switch.auto:
        return compile is Switch.on
    return steps >= COMPILING_PAYS_FROM_STEPS and shutil.which(os.environ.get("CXX", "g++")) is not None


Batch = dict[str, "torch.Tensor"]


def train(
    model: torch.nn.Module,
    batch_at: Callable[[int], Batch],
    loss_of: Callable[[torch.nn.Module, Batch], torch.Tensor],
    optimisation: Optimisation,
    directory: Path,
    *,
    title: str,
    fingerprint: str,
    evaluate: Callable[[torch.nn.Module, int], str] | None = None,
    evaluate_every: int = 0,
    is_enough: Callable[[], bool] = lambda: False,
) -> None:
    """Train `model` in place for `optimisation.steps` steps, resuming from `directory/checkpoint.pt` when it is there.

    `batch_at(step)` is a pure function of the step, so a resumed run sees the batches that it would have seen. It must
    hold `n_tokens` (a scalar) for the speed shown. `evaluate` is given the model and the steps done, and returns a line
    to show; when `is_enough` says so after it, training ends there.

    Raises:
        UserError: the checkpoint was made with other settings, i.e. its `fingerprint` differs.
    """
    import torch

    device = pick_device()
    model.to(device).train()
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": optimisation.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=optimisation.learning_rate,
        betas=optimisation.betas,
        fused=True,
    )
    checkpoint = directory / "checkpoint.pt"
    first = _resume(checkpoint, model, optimizer, device, fingerprint)
    autocast = autocasts(optimisation.precision, device)
    trunk = getattr(model, "base_model", model)  # of a transformers model, all but the head
    if compiles(optimisation.compile, optimisation.steps - first):
        trunk.forward = torch.compile(trunk.forward, dynamic=True)
    progress = TrainingProgress(title, optimisation.steps, first)
    saved_at = time.monotonic()
    with progress:
        for step in range(first, optimisation.steps):
            for group in optimizer.param_groups:
                group["lr"] = optimisation.learning_rate_at(step)
            batch = {name: tensor.to(device) for name, tensor in batch_at(step).items()}
            with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast):
                loss = loss_of(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), optimisation.clip_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.advance(float(loss.detach()), int(batch["n_tokens"]))
            if evaluate is not None and evaluate_every and (step + 1) % evaluate_every == 0:
                model.eval()
                with torch.compiler.set_stance("force_eager"):  # other shapes: not worth compiling again
                    progress.log(f"step {step + 1}: {evaluate(model, step + 1)}")
                model.train()
                if is_enough():
                    break
            if time.monotonic() - saved_at > 60 * optimisation.checkpoint_minutes:
                _save(checkpoint, model, optimizer, step + 1, fingerprint)
                saved_at = time.monotonic()
    _save(checkpoint, model, optimizer, optimisation.steps, fingerprint)  # whole: running again trains no further
    model.eval()
    vars(trunk).pop("forward", None)  # what follows sees other shapes


def _save(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, fingerprint: str) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "settings": fingerprint}
    torch.save(state, partial)
    os.replace(partial, path)


def _resume(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, device: str, fingerprint: str) -> int:
    import torch

    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    if state["settings"] != fingerprint:
        raise UserError(
            f"{path} was made with other settings; continue with those, remove it, or choose another hydra.run.dir."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


class TrainingProgress:
    """Steps done, with the smoothed loss and tokens/s."""

    def __init__(self, title: str, steps: int, first: int) -> None:
        self._meter = ProgressBar(title, steps, first, log_seconds=LOG_SECONDS)
        self._step = first
        self._loss: float | None = None
        self._tokens, self._started = 0, time.monotonic()
        self.log = self._meter.log

    def __enter__(self) -> Self:
        self._meter.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._meter.__exit__(*exception)

    def advance(self, loss: float, tokens: int) -> None:
        self._step += 1
        self._tokens += tokens
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        if self._meter.is_due:
            speed = self._tokens / (time.monotonic() - self._started)
            self._meter.show(self._step, f"loss {self._loss:.4f}, {speed:,.0f} tokens/s")
