"""The training loop of all models: AdamW, warm-up and cosine decay, checkpoints, a progress bar."""

from __future__ import annotations

import math
import os
import pickle
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ttc.errors import UserError
from ttc.files import atomic_path
from ttc.progress_bar import ProgressBar

if TYPE_CHECKING:
    import torch

SECONDS_BETWEEN_LINES = 60.0  # of progress, where there is no terminal
MIN_STEPS_TO_COMPILE = 500

Batch = dict[str, "torch.Tensor"]


class Precision(StrEnum):
    """Number format of the forward pass; the weights are always float32."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Switch(StrEnum):
    """On, off, or whichever is expected to be faster."""

    auto = "auto"
    on = "on"
    off = "off"


@dataclass
class Optimisation:
    """Optimiser, learning-rate schedule and checkpoints. The defaults suit the pocket models."""

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
        """Return the rate of a step: linear warm-up, then cosine decay to a hundredth of the peak."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def pick_device() -> str:
    """Return `cuda` if there is a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def should_autocast(precision: Precision, device: str) -> bool:
    """Whether to compute in bfloat16. On a CPU that only emulates it, it is slower than float32."""
    import torch

    if precision is not Precision.auto:
        return precision is Precision.bfloat16
    return device == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def should_compile(compile: Switch, steps: int) -> bool:
    """Whether to compile the model: it takes about a minute and a C++ compiler, then doubles the speed."""
    if compile is not Switch.auto:
        return compile is Switch.on
    return steps >= MIN_STEPS_TO_COMPILE and shutil.which(os.environ.get("CXX", "g++")) is not None


def train_model(
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
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train `model` in place, resuming from `directory/checkpoint.pt` if it exists.

    Args:
        batch_at: returns the batch of a step, and depends on nothing else, so that a resumed training sees the same
            batches. A batch holds the scalar `n_tokens`, for the speed that is shown.
        fingerprint: identifies the settings; a checkpoint is resumed only under the same fingerprint.
        evaluate: called with the model and the number of steps done, every `evaluate_every` steps; returns a line to
            show.
        should_stop: called after each evaluation; True ends the training early.

    Raises:
        UserError: the checkpoint was made with other settings, or is damaged.
    """
    import torch

    device = pick_device()
    model.to(device).train()
    optimizer = _adamw(model, optimisation)
    checkpoint = directory / "checkpoint.pt"
    first = _resume(checkpoint, model, optimizer, device, fingerprint)
    autocast = should_autocast(optimisation.precision, device)
    compile = should_compile(optimisation.compile, optimisation.steps - first)
    saved_at = time.monotonic()
    with _compiled(model, compile), TrainingProgress(title, optimisation.steps, first) as progress:
        for step in range(first, optimisation.steps):
            batch = {name: tensor.to(device) for name, tensor in batch_at(step).items()}
            with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast):
                loss = loss_of(model, batch)
            _update(model, optimizer, loss, optimisation, step)
            progress.advance(float(loss.detach()), int(batch["n_tokens"]))
            if evaluate is not None and evaluate_every and (step + 1) % evaluate_every == 0:
                model.eval()
                with torch.compiler.set_stance("force_eager"):  # other shapes: not worth compiling again
                    progress.log(f"step {step + 1}: {evaluate(model, step + 1)}")
                model.train()
                if should_stop():
                    break
            if time.monotonic() - saved_at > 60 * optimisation.checkpoint_minutes:
                _save(checkpoint, model, optimizer, step + 1, fingerprint)
                saved_at = time.monotonic()
    # Stopped early or not, the training is complete: running it again must not continue it.
    _save(checkpoint, model, optimizer, optimisation.steps, fingerprint)
    model.eval()


def _adamw(model: torch.nn.Module, optimisation: Optimisation) -> torch.optim.AdamW:
    """Return the optimiser; biases and norms are not decayed."""
    import torch

    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": optimisation.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=optimisation.learning_rate,
        betas=optimisation.betas,
        fused=True,
    )


@contextmanager
def _compiled(model: torch.nn.Module, enabled: bool) -> Iterator[None]:
    """Compile the model's trunk inside the block; what follows it sees other shapes."""
    import torch

    trunk = getattr(model, "base_model", model)  # a transformers model without its head
    if enabled:
        trunk.forward = torch.compile(trunk.forward, dynamic=True)
    try:
        yield
    finally:
        vars(trunk).pop("forward", None)


def _update(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor, optimisation: Optimisation, step: int
) -> None:
    """Take one step of gradient descent, and clear the gradients."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = optimisation.learning_rate_at(step)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), optimisation.clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _save(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, fingerprint: str) -> None:
    import torch

    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "settings": fingerprint}
    with atomic_path(path) as draft:
        torch.save(state, draft)


def _resume(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, device: str, fingerprint: str) -> int:
    """Load the checkpoint, if there is one, and return the number of steps done."""
    import torch

    if not path.exists():
        return 0
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        settings, step = state["settings"], int(state["step"])
    except (RuntimeError, ValueError, KeyError, TypeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise UserError(f"{path} is damaged ({reason}); delete it to train from the start.") from None
    if settings != fingerprint:
        raise UserError(
            f"{path} was made with other settings; use the same settings, delete it, or choose another hydra.run.dir."
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return step


class TrainingProgress:
    """A progress bar with the smoothed loss and tokens/s."""

    def __init__(self, title: str, steps: int, first: int) -> None:
        self._bar = ProgressBar(title, steps, first, log_seconds=SECONDS_BETWEEN_LINES)
        self._step = first
        self._loss: float | None = None
        self._tokens, self._started = 0, time.monotonic()
        self.log = self._bar.log

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)

    def advance(self, loss: float, tokens: int) -> None:
        """Count one step."""
        self._step += 1
        self._tokens += tokens
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        if self._bar.is_due:
            speed = self._tokens / (time.monotonic() - self._started)
            self._bar.show(self._step, f"loss {self._loss:.4f}, {speed:,.0f} tokens/s")
