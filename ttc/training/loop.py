"""The training loop of all models: AdamW, warm-up and cosine decay, passes that fit the memory, one or more devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

from ttc.errors import RunError, UserError
from ttc.progress_bar import ProgressBar
from ttc.training.optimisation import Optimisation as Optimisation
from ttc.training.optimisation import Precision as Precision
from ttc.training.optimisation import Switch as Switch
from ttc.training.optimisation import pick_device
from ttc.training.optimisation import should_autocast as should_autocast
from ttc.training.optimisation import should_compile as should_compile
from ttc.training.processes import Processes, joined_processes
from ttc.training.training_state import resume_state, save_state, trainable_parameters

if TYPE_CHECKING:
    import torch

SECONDS_BETWEEN_LINES = 60.0  # of progress, where there is no terminal

Batch = dict[str, "torch.Tensor"]


def train_model(
    model: torch.nn.Module,
    batch_at: Callable[[int], Sequence[Batch]],
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

    Of several processes, the main one evaluates, reports and writes; when this returns, all have the trained weights.

    Args:
        batch_at: returns the batch of a step, split into the passes that are computed one after another. It depends on
            nothing else, so that a resumed training sees the same batches. A pass holds the scalar `n_tokens`, for the
            speed that is shown, and `labels`: those of at least 0 are the targets over which the loss is a mean.
        loss_of: returns the mean loss over a pass's targets.
        optimisation: with its epochs planned.
        fingerprint: identifies the settings; a checkpoint is resumed only under the same fingerprint.
        evaluate: called with the model and the number of steps done, every `evaluate_every` steps; returns a line to
            show.
        should_stop: called after each evaluation; True ends the training early.

    Raises:
        UserError: the checkpoint was made with other settings, or is damaged.
        RunError: the GPU's memory does not suffice.
    """
    import torch

    if optimisation.epochs is not None:
        raise ValueError("the epochs are not planned; pass optimisation.planned(batches_per_epoch)")
    device, steps = pick_device(), optimisation.steps
    with joined_processes(device) as processes, _advice_on_memory(optimisation), _recomputing(model, optimisation):
        model.to(device).train()
        processes.copy_from_main(trainable_parameters(model))  # new weights may be random
        optimizer = _adamw(model, optimisation)
        checkpoint = directory / "checkpoint.pt"
        first = resume_state(checkpoint, model, optimizer, fingerprint)
        autocast = should_autocast(optimisation.precision, device)
        compile = should_compile(optimisation.compile, steps - first, sum(p.numel() for p in model.parameters()))

        def loss_at(batch: Batch) -> torch.Tensor:
            with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast):
                return loss_of(model, {name: tensor.to(device) for name, tensor in batch.items()})

        saved_at = time.monotonic()
        shown = TrainingProgress(title, steps, first) if processes.is_main else nullcontext()
        with _compiled(model, compile), shown as progress:
            for step in range(first, steps):
                passes = batch_at(step)
                # Dropout depends on the step, not on what happened before: a resumed training draws the same.
                torch.manual_seed(Random(f"{fingerprint}-{step}-{processes.number}").getrandbits(63))
                loss = _add_gradients(trainable_parameters(model), passes, loss_at, processes)
                _update(model, optimizer, optimisation, step)
                if progress is not None:
                    progress.advance(float(loss), sum(int(batch["n_tokens"]) for batch in passes))
                if evaluate is not None and evaluate_every and (step + 1) % evaluate_every == 0:
                    if progress is not None:
                        # A CPU evaluates in float32, as it always has.
                        with torch.autocast(device, dtype=torch.bfloat16, enabled=autocast and device == "cuda"):
                            progress.log(f"step {step + 1}: {_evaluated(model, step + 1, evaluate)}")
                    if processes.main_says(processes.is_main and should_stop(), device):
                        break
                if processes.is_main and time.monotonic() - saved_at > 60 * optimisation.checkpoint_minutes:
                    save_state(checkpoint, model, optimizer, step + 1, fingerprint)
                    saved_at = time.monotonic()
        if processes.is_main:
            # Stopped early or not, the training is complete: running it again must not continue it.
            save_state(checkpoint, model, optimizer, steps, fingerprint)
        model.eval()


def _add_gradients(
    parameters: Sequence[torch.nn.Parameter],
    passes: Sequence[Batch],
    loss_at: Callable[[Batch], torch.Tensor],
    processes: Processes,
) -> torch.Tensor:
    """Add the gradient of the mean loss over all passes' targets to the parameters; return that loss."""
    import torch

    targets = [_count_targets(batch) for batch in passes]
    loss = torch.zeros((), device=parameters[0].device)
    for batch, count in processes.share_of([*zip(passes, targets, strict=True)]):
        if count:  # the mean over nothing is not a number
            part = loss_at(batch) * (count / sum(targets))
            part.backward()
            loss += part.detach()
    if processes.count > 1:
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        processes.add_up([*gradients, loss])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
    return loss


def _count_targets(batch: Batch) -> int:
    """Return the number of positions over which a pass's loss is a mean: without labels, every one."""
    return int((batch["labels"] >= 0).sum() if "labels" in batch else batch["n_tokens"])


def _update(model: torch.nn.Module, optimizer: torch.optim.Optimizer, optimisation: Optimisation, step: int) -> None:
    """Take one step of gradient descent, and clear the gradients."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = optimisation.learning_rate_at(step)
    torch.nn.utils.clip_grad_norm_(trainable_parameters(model), optimisation.clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _evaluated(model: torch.nn.Module, step: int, evaluate: Callable[[torch.nn.Module, int], str]) -> str:
    import torch

    model.eval()
    with torch.compiler.set_stance("force_eager"):  # other shapes: not worth compiling again
        line = evaluate(model, step)
    model.train()
    return line


def _adamw(model: torch.nn.Module, optimisation: Optimisation) -> torch.optim.AdamW:
    """Return the optimiser of the parameters that are trained; biases and norms are not decayed."""
    import torch

    parameters = trainable_parameters(model)
    decayed = [p for p in parameters if p.dim() >= 2]
    others = [p for p in parameters if p.dim() < 2]
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


@contextmanager
def _recomputing(model: Any, optimisation: Optimisation) -> Iterator[None]:
    """Let the model compute activations again inside the block instead of keeping them, if that is asked for."""
    if not optimisation.gradient_checkpointing:
        yield
        return
    try:
        # The other kind computes no gradients below a frozen embedding.
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    except (AttributeError, ValueError):
        raise UserError(
            f"optimisation.gradient_checkpointing=true: {type(model).__name__} does not offer it; use false."
        ) from None
    try:
        yield
    finally:
        model.gradient_checkpointing_disable()


@contextmanager
def _advice_on_memory(optimisation: Optimisation) -> Iterator[None]:
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        limit = optimisation.pass_tokens
        smaller = 8192 if limit is None else max(1, limit // 2)
        advice = [f"optimisation.pass_tokens={smaller} (it is {'null' if limit is None else limit})"]
        if not optimisation.gradient_checkpointing:
            advice.append("optimisation.gradient_checkpointing=true")
        raise RunError(
            f"the GPU's memory does not suffice for training; use {' or '.join(advice)}: the same command then "
            "continues from its last checkpoint."
        ) from error


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
