"""Copies of the pocket models that tests may break."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ttc.engines.checkpoint import POCKET_WEIGHTS


def copied(part: str, directory: Path) -> Path:
    """Copy e.g. `generator` to a directory, and return it."""
    shutil.copytree(POCKET_WEIGHTS / part, directory)
    return directory


def set_json(file: Path, **values: Any) -> None:
    """Set keys of a JSON object; None removes one."""
    content = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def tensors_of(directory: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint by name."""
    from safetensors.torch import load_file

    return dict(load_file(directory / "model.safetensors"))


def save_tensors(directory: Path, tensors: dict[str, Any]) -> None:
    """Replace the weights of a checkpoint."""
    from safetensors.torch import save_file

    save_file(tensors, directory / "model.safetensors")
