"""What a model's name in the config means: the pocket, a directory, or a hub id."""

from __future__ import annotations

import re
from pathlib import Path

from ttc.errors import UserError

POCKET_WEIGHTS = Path(__file__).resolve().parent.parent / "pocket" / "weights"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(model: str, role: str) -> str:
    """The directory or hub id to load. `role` is generator or prm, and names the pocket model.

    Raises:
        UserError: a directory without a checkpoint, or a name that is neither a directory nor a hub id.
    """
    if model == "pocket":
        return str(POCKET_WEIGHTS / role)
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(
                f"{role}.model={model} is a directory without config.json; name one that transformers can load."
            )
        if not any(path.glob("*.safetensors")) and not any(path.glob("*.bin")):
            raise UserError(f"{role}.model={model} holds no weights (*.safetensors); name a complete checkpoint.")
        return str(path.resolve())
    if path.exists():
        raise UserError(
            f"{role}.model={model} is a file; name a directory (scripts/gguf_to_safetensors.py converts GGUF files)."
        )
    if not HUB_ID.fullmatch(model):
        raise UserError(f"{role}.model={model} is no directory and no hub id (owner/name); check the path.")
    return model
