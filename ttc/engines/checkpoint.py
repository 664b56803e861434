"""What a model's name in the config means: one of the pocket's models, a directory, or a hub id."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ttc.errors import UserError

POCKET_WEIGHTS = Path(__file__).resolve().parent.parent / "pocket" / "weights"
POCKET = "pocket"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(model: str, role: str) -> str:
    """The directory or hub id to load. `role` is generator or prm, and says which of them `pocket` is.

    Raises:
        UserError: a directory without a checkpoint, or a name that is neither a directory nor a hub id.
    """
    if model == POCKET:
        return str(POCKET_WEIGHTS / role)
    if model.startswith(f"{POCKET}-") and "/" not in model:
        return str(_pocket(model, role))
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


def _pocket(model: str, role: str) -> Path:
    """`pocket-orm` -> the directory of that model in the package."""
    directory = POCKET_WEIGHTS / model.removeprefix(f"{POCKET}-").replace("-", "_")
    if not directory.is_dir():
        known = sorted(f"{POCKET}-{path.name.replace('_', '-')}" for path in POCKET_WEIGHTS.iterdir())
        raise UserError(f"{role}.model={model} is no model of the pocket; use one of {', '.join(known)}.")
    return directory


SAMPLED_BLOCKS = 64
BLOCK_BYTES = 4096


def fingerprint(model: str) -> str:
    """A digest of a checkpoint's content, whatever its name or place.

    Small files count whole; of a large one its size and blocks spread evenly over it, so that a 7B checkpoint takes
    moments and a finetuned copy still differs. A hub id that is not in the local cache stands for itself.
    """
    directory = local_directory(model)
    if directory is None:
        return model
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(directory.iterdir()):
        if file.suffix in {".json", ".safetensors", ".bin", ".model", ".jinja"} and file.is_file():
            size = file.stat().st_size
            digest.update(f"{file.name} {size} ".encode())
            with file.open("rb") as stream:
                for start in _sampled(size):
                    stream.seek(start)
                    digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()


def _sampled(size: int) -> range:
    """Where the blocks start that are read of a file of this size."""
    blocks = -(-size // BLOCK_BYTES)
    if blocks <= 4 * SAMPLED_BLOCKS:
        return range(0, size, BLOCK_BYTES)
    return range(0, size, blocks // SAMPLED_BLOCKS * BLOCK_BYTES)


def local_directory(model: str) -> Path | None:
    """The directory of a checkpoint: itself, or where the hub's cache keeps it; None when it was never loaded."""
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model, "config.json")
    return Path(cached).parent if isinstance(cached, str) else None
