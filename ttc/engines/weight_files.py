"""The files of a checkpoint: JSON objects, and weights whose headers tell the tensors' shapes.

What a failed download leaves in a file's place (a pointer, an HTML page, nothing) is named for what it is.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ttc.cost import tensor_shapes
from ttc.errors import UserError

INDEX = "model.safetensors.index.json"
LFS_POINTER = b"version https://git-lfs"
NOT_WEIGHTS = ("training_args.bin", "optimizer.bin", "scheduler.bin", "scaler.bin")

Shapes = dict[str, tuple[int, ...]]


def read_json(key: str, file: Path) -> dict[str, object]:
    """Return the object in a JSON file; raises UserError for anything else."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{key}: {file} cannot be read ({error.strerror}); check its permissions.") from None
    _refuse_placeholder(key, file, content[:64])
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{key}: {file} is not valid JSON ({reason}); download or save it again.") from None
    if not isinstance(value, dict):
        kind = {"list": "a list", "str": "a string"}.get(type(value).__name__, f"a {type(value).__name__}")
        raise UserError(f"{key}: {file} holds {kind}, not an object; download or save it again.")
    return value


def _refuse_placeholder(key: str, file: Path, start: bytes) -> None:
    """Refuse what a download leaves in a file's place."""
    if start.startswith(LFS_POINTER):
        raise UserError(
            f"{key}: {file} is a git-lfs pointer, not the file itself; run `git lfs pull` in its directory."
        )
    if start.lstrip().startswith(b"<"):
        raise UserError(f"{key}: {file} is an HTML page, not the file itself; download it again.")
    if not start:
        raise UserError(f"{key}: {file} is empty; download or save it again.")


def read_shapes(key: str, directory: Path, names: Sequence[str], complete: bool) -> Shapes:
    """Return the shape of each tensor from the headers of the weights.

    Args:
        key: what the user set, for messages.
        directory: where the files are.
        names: of the files in it.
        complete: whether all of them must be there.

    Raises:
        UserError: a file is missing or broken.
    """
    weights = [name for name in names if name.endswith(".safetensors")]
    if INDEX in names:
        weights = _indexed(key, directory, names, complete)
    elif any(name.startswith("model") for name in weights):
        weights = [name for name in weights if name.startswith("model")]  # some repositories hold a second copy
    pickles = [name for name in names if name.endswith(".bin") and name not in NOT_WEIGHTS]
    shapes: Shapes = {}
    for name in weights or pickles:
        shapes |= _file_shapes(key, directory / name)
    if complete and not shapes:
        raise UserError(f"{key}: {directory} holds no weights; download or save the checkpoint again as safetensors.")
    return shapes


def _file_shapes(key: str, file: Path) -> Shapes:
    read = tensor_shapes if file.suffix == ".safetensors" else _pickled_shapes
    try:
        return read(file)
    except Exception as error:  # safetensors and torch raise many kinds
        with file.open("rb") as stream:  # only now: the length that whole files begin with can look like anything
            _refuse_placeholder(key, file, stream.read(64))
        reason = " ".join(str(error).split("\n")[0].split(". ")[0].split())
        remedy = "download or save it again"
        if read is _pickled_shapes:
            remedy = "convert the weights to safetensors where they come from: model.save_pretrained(DIRECTORY)"
        raise UserError(f"{key}: {file} is not a whole file of weights alone ({reason}); {remedy}.") from None


def _pickled_shapes(file: Path) -> Shapes:
    """Return the shapes in a file of pickled tensors; torch refuses a pickle of anything else, which could run code."""
    import torch

    if not zipfile.is_zipfile(file):
        raise ValueError("not a file that torch.save wrote")
    tensors = torch.load(file, map_location="meta", weights_only=True, mmap=True)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _indexed(key: str, directory: Path, names: Sequence[str], complete: bool) -> list[str]:
    """Return the files that the index names, in order."""
    index = directory / INDEX
    weight_map = read_json(key, index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{key}: {index} has no weight_map; download or save the checkpoint again.")
    shards = sorted({str(name) for name in weight_map.values()})
    missing = [name for name in shards if name not in names]
    if missing and complete:
        raise UserError(
            f"{key}: {index} names {missing[0]}, which is missing ({len(shards) - len(missing)} of {len(shards)} files "
            "are there); download the rest."
        )
    return [] if missing else shards
