"""The settings of a training loop, and what they mean for a device."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ttc.errors import UserError

MIN_STEPS_TO_COMPILE = 500
# Larger models spend their time in matrix products, which compiling does not accelerate, and take minutes to compile.
MAX_PARAMETERS_TO_COMPILE = 100_000_000


class Precision(StrEnum):
    """Number format of the forward pass; weights that are trained are always float32."""

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
    """Optimiser, learning-rate schedule, checkpoints and memory. The defaults suit the pocket models.

    `epochs`, passes over the documents, replaces `steps` where it is given. `pass_tokens` limits the padded tokens of
    one forward pass: a step's documents are split into as many passes as that takes, and the gradient stays that of
    all of them together; None computes a step at once. `gradient_checkpointing` computes activations a second time
    instead of keeping them. Neither affects the result, so that an interrupted training may resume with other values:
    they are not part of the `repr`, by which its checkpoint is identified.
    """

    steps: int = 12_000
    epochs: float | None = None
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.95)
    clip_norm: float = 1.0
    checkpoint_minutes: float = 3.0
    precision: Precision = Precision.auto
    compile: Switch = Switch.auto
    pass_tokens: int | None = field(default=None, repr=False)
    gradient_checkpointing: bool = field(default=False, repr=False)

    def check(self) -> None:
        """Refuse impossible values.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        _at_least_1("steps", self.steps, 1000)
        if self.pass_tokens is not None:
            _at_least_1("pass_tokens", self.pass_tokens, 8192)
        if self.epochs is not None:
            _above_0("epochs", self.epochs, "2")
        _above_0("learning_rate", self.learning_rate, "1e-5")
        _above_0("clip_norm", self.clip_norm, "1")
        _at_least_0("warmup_steps", self.warmup_steps, "100")
        _at_least_0("weight_decay", self.weight_decay, "0.05")
        _at_least_0("checkpoint_minutes", self.checkpoint_minutes, "3")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UserError(
                f"optimisation.betas={list(self.betas)} must both be at least 0 and below 1; use e.g. [0.9,0.95]."
            )

    def planned(self, batches_per_epoch: int) -> Optimisation:
        """Return these settings with the epochs turned into steps, and with a warm-up that suits their number.

        The warm-up takes at most a tenth of the steps where epochs are given, or where it would take more than all.
        """
        steps, warmup_steps = self.steps, self.warmup_steps
        if self.epochs is not None:
            steps = max(1, round(self.epochs * batches_per_epoch))
        if self.epochs is not None or warmup_steps > steps:
            warmup_steps = min(warmup_steps, steps // 10)
        return replace(self, steps=steps, epochs=None, warmup_steps=warmup_steps)

    def learning_rate_at(self, step: int) -> float:
        """Return the rate of a step: linear warm-up, then cosine decay to a hundredth of the peak."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def _at_least_1(name: str, value: int, example: int) -> None:
    if value < 1:
        raise UserError(f"optimisation.{name}={value} must be at least 1; use e.g. {example}.")


def _at_least_0(name: str, value: float, example: str) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"optimisation.{name}={value} must be a finite number of at least 0; use e.g. {example}.")


def _above_0(name: str, value: float, example: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UserError(f"optimisation.{name}={value} must be a finite number above 0; use e.g. {example}.")


def pick_device() -> str:
    """Return `cuda` if there is a GPU, unless `accelerate launch --cpu` was asked for, else `cpu`."""
    import torch

    if os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"true", "1"}:
        return "cpu"
    return "cuda" if torch.cuda.is_available() else "cpu"


def should_autocast(precision: Precision, device: str) -> bool:
    """Whether to compute in bfloat16. On a CPU that only emulates it, it is slower than float32."""
    import torch

    if precision is not Precision.auto:
        return precision is Precision.bfloat16
    return device == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def reading_dtype(precision: Precision, weights: str) -> str:
    """Return the number format in which weights that do not change are read, given that of their checkpoint.

    Left to itself that is bfloat16 where the weights already have it and the machine computes in it.
    """
    if precision is Precision.auto and weights != "bfloat16":
        return "float32"
    return "bfloat16" if should_autocast(precision, pick_device()) else "float32"


def should_compile(compile: Switch, steps: int, parameters: int) -> bool:
    """Whether to compile the model: it takes about a minute and a C++ compiler, then doubles a small model's speed."""
    if compile is not Switch.auto:
        return compile is Switch.on
    pays = steps >= MIN_STEPS_TO_COMPILE and parameters <= MAX_PARAMETERS_TO_COMPILE
    return pays and shutil.which(os.environ.get("CXX", "g++")) is not None
