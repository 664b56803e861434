"""What a model's name in the config means: one of the pocket models, a directory, or a hub id."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ttc.engines.reasons import shortened
from ttc.errors import UserError

POCKET_WEIGHTS = Path(__file__).resolve().parent.parent / "pocket" / "weights"
POCKET = "pocket"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

SAMPLED_BLOCKS = 64
BLOCK_BYTES = 4096


def resolve(model: str, group: str) -> str:
    """Return the directory or hub id to load.

    `group` is the config group, `generator` or `prm`; it decides which model the name `pocket` means.

    Raises:
        UserError: no name, a directory without a checkpoint, or a name that is neither a directory nor a hub id.
    """
    if not model:
        raise UserError(f"{group}.model has no value; set {group}.model to a directory or a hub id.")
    if model == POCKET:
        return str(POCKET_WEIGHTS / group)
    if model.startswith(f"{POCKET}-") and "/" not in model:
        return str(_pocket_model(model, group))
    try:
        return _local(model, group) or _hub_id(model, group)
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a name that is too long, an unknown ~user
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise UserError(f"{group}.model={shortened(model)} cannot be read ({reason}); check the path.") from None


def _local(model: str, group: str) -> str | None:
    """Return the path of a directory with a checkpoint; None where there is nothing at that path."""
    path = Path(model).expanduser()
    if path.is_dir():
        names = [file.name for file in path.iterdir()]
        if "config.json" not in names:
            raise UserError(
                f"{group}.model={model} is a directory without config.json; name one that transformers can load."
            )
        if not any(name.endswith((".safetensors", ".bin")) for name in names):
            raise UserError(f"{group}.model={model} holds no weights (*.safetensors); name a complete checkpoint.")
        return str(path.resolve())
    if path.exists():
        raise UserError(
            f"{group}.model={model} is a file; name a directory (scripts/tools/gguf_to_safetensors.py converts GGUF)."
        )
    return None


def _hub_id(model: str, group: str) -> str:
    from huggingface_hub.errors import HFValidationError

    try:
        local_directory(model)
        is_id = HUB_ID.fullmatch(model) is not None
    except HFValidationError:  # e.g. ../name
        is_id = False
    if not is_id:
        raise UserError(f"{group}.model={model} is neither a directory nor a hub id (owner/name); check the path.")
    return model


def _pocket_model(model: str, group: str) -> Path:
    """Return the directory of e.g. `pocket-orm`."""
    directory = POCKET_WEIGHTS / model.removeprefix(f"{POCKET}-").replace("-", "_")
    if not directory.is_dir():
        known = sorted(f"{POCKET}-{path.name.replace('_', '-')}" for path in POCKET_WEIGHTS.iterdir())
        raise UserError(f"{group}.model={model} is not a pocket model; use one of {', '.join(known)}.")
    return directory


def fingerprint(model: str, revision: str | None = None) -> str:
    """Digest a checkpoint's content, whatever its name or place.

    Small files are read whole; of a large one its size and blocks spread evenly over it, so that a 7B checkpoint takes
    moments and a finetuned copy still differs. For a hub id that is not in the local cache, the id itself is returned.
    """
    directory = local_directory(model, revision)
    if directory is None:
        return f"{model}@{revision}" if revision else model
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(directory.iterdir()):
        if file.suffix in {".json", ".safetensors", ".bin", ".model", ".jinja"} and file.is_file():
            size = file.stat().st_size
            digest.update(f"{file.name} {size} ".encode())
            with file.open("rb") as stream:
                for start in _sampled_blocks(size):
                    stream.seek(start)
                    digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()


def _sampled_blocks(size: int) -> range:
    """Return the offsets of the blocks to read from a file of this size."""
    blocks = -(-size // BLOCK_BYTES)
    if blocks <= 4 * SAMPLED_BLOCKS:
        return range(0, size, BLOCK_BYTES)
    return range(0, size, blocks // SAMPLED_BLOCKS * BLOCK_BYTES)


def local_directory(model: str, revision: str | None = None) -> Path | None:
    """Return a checkpoint's directory: itself, or its place in the hub's cache; None when it was never downloaded."""
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model, "config.json", revision=revision)
    return Path(cached).parent if isinstance(cached, str) else None
