"""The checkpoint of an unfinished training: trained weights, the optimiser's state, and the number of steps done."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.errors import UserError
from ttc.files import atomic_path

if TYPE_CHECKING:
    import torch


def trainable_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Return the parameters that are trained; the others are frozen, such as those below LoRA adapters."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def save_state(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, fingerprint: str
) -> None:
    """Write the checkpoint; of a model with frozen parameters, the trained ones only."""
    import torch

    state = {"model": _weights(model), "optimizer": optimizer.state_dict(), "step": step, "settings": fingerprint}
    with atomic_path(path) as draft:
        torch.save(state, draft)


def resume_state(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str) -> int:
    """Load the checkpoint, if there is one, and return the number of steps done.

    Raises:
        UserError: it was made with other settings, or is damaged.
    """
    import torch

    if not path.exists():
        return 0
    try:
        # Not onto the device: there may be no room for a second copy.
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        settings, step, weights = state["settings"], int(state["step"]), state["model"]
    except (RuntimeError, ValueError, KeyError, TypeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise UserError(f"{path} is damaged ({reason}); delete it to train from the start.") from None
    if settings != fingerprint:
        raise UserError(
            f"{path} was made with other settings; use the same settings, delete it, or choose another hydra.run.dir."
        )
    if _sizes(weights) != _sizes(_weights(model)):
        raise UserError(f"{path} holds other weights than those that are trained; delete it to train from the start.")
    model.load_state_dict(weights, strict=False)  # nothing is unexpected, and only frozen weights are missing
    optimizer.load_state_dict(state["optimizer"])
    return step


def _weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights that training changes."""
    state: dict[str, torch.Tensor] = model.state_dict()
    if all(parameter.requires_grad for parameter in model.parameters()):
        return state
    named = model.named_parameters(remove_duplicate=False)  # a tied weight has two names in the state too
    trained = {name for name, parameter in named if parameter.requires_grad}
    return {name: weight for name, weight in state.items() if name in trained}


def _sizes(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in weights.items()}
