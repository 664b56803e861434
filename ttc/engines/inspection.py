"""What can be read of a checkpoint without loading it: its JSON files and the headers of its weights.

Reading takes milliseconds, so that a checkpoint that cannot work is refused before anything is imported or loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from ttc.engines.weight_files import read_json, read_shapes
from ttc.errors import UserError

EMBEDDINGS = ("model.embed_tokens.weight", "embed_tokens.weight")  # checkpoints with other names are left to vLLM
LAYER = re.compile(r"(?:model\.)?layers\.(\d+)\.")

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, eq=False)  # compared by identity: unchanged files are one object, and what is cached for it
class Checkpoint:
    """A checkpoint's directory, its config.json, and the shapes of its tensors by name.

    `shapes` is empty where the weights are not safetensors or, of a hub id, not yet downloaded.
    """

    key: str  # what the user set, e.g. `prm.model=pocket`
    directory: Path
    config: Mapping[str, object]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def architecture(self) -> str:
        architectures = self.config["architectures"]
        assert isinstance(architectures, list)
        return str(architectures[0])

    @property
    def text_config(self) -> Mapping[str, object]:
        """The part of config.json that describes the language model; multimodal checkpoints nest it."""
        nested = self.config.get("text_config")
        return nested if isinstance(nested, dict) else self.config

    def size(self, name: str) -> int | None:
        """Return a whole number of config.json; None where it is missing or something else."""
        value = self.text_config.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def longest_context(self) -> int | None:
        """The tokens that config.json plainly says it reads; None where scaled positions make it a matter for vLLM."""
        scaling = [self.text_config.get(name) for name in ("rope_scaling", "rope_parameters")]
        if any(isinstance(rope, dict) and "factor" in str(rope) for rope in scaling):
            return None
        return None if "model_max_length" in self.text_config else self.size("max_position_embeddings")

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the checkpoint for a reason that includes the remedy."""
        raise UserError(f"{self.key}: {reason}")


def inspect_checkpoint(key: str, directory: Path, complete: bool) -> Checkpoint:
    """Read a checkpoint's files.

    Args:
        key: what the user set, for messages.
        directory: where the files are.
        complete: whether all files must be there; of a hub id, vLLM downloads what is missing.

    Raises:
        UserError: a file is missing, broken, or contradicts another.
    """
    try:
        files = sorted(file for file in directory.iterdir() if file.is_file())
        stamp = tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    except OSError as error:
        raise UserError(f"{key}: {directory} cannot be read ({error.strerror}); check its permissions.") from None
    return _inspect(key, directory, complete, stamp)


@lru_cache(maxsize=64)
def _inspect(key: str, directory: Path, complete: bool, stamp: Stamp) -> Checkpoint:
    """Read the files once for all jobs of a sweep; `stamp` changes when they do."""
    config = read_json(key, directory / "config.json")
    names = [name for name, _, _ in stamp]
    for name in {"generation_config.json", "tokenizer_config.json"}.intersection(names):
        read_json(key, directory / name)
    checkpoint = Checkpoint(key, directory, config, read_shapes(key, directory, names, complete))
    _check_config(checkpoint)
    _check_shapes(checkpoint)
    return checkpoint


def _check_config(checkpoint: Checkpoint) -> None:
    """Refuse a config.json that does not say which model it describes."""
    file = checkpoint.directory / "config.json"
    architectures = checkpoint.config.get("architectures")
    if not isinstance(checkpoint.config.get("model_type"), str):
        checkpoint.refuse(f'{file} names no model_type; add it, e.g. "model_type": "llama".')
    if not isinstance(architectures, list) or not architectures or not isinstance(architectures[0], str):
        checkpoint.refuse(f'{file} names no architectures; add them, e.g. "architectures": ["LlamaForCausalLM"].')


def _check_shapes(checkpoint: Checkpoint) -> None:
    """Refuse weights of another size than config.json says; quantised ones are packed in ways of their own."""
    if "quantization_config" in checkpoint.config:
        return
    file = checkpoint.directory / "config.json"
    for name in EMBEDDINGS:
        shape = checkpoint.shapes.get(name)
        for key, found in zip(("vocab_size", "hidden_size"), shape or (), strict=False):
            said = checkpoint.size(key)
            if said is not None and said != found:
                checkpoint.refuse(
                    f"{file} says {key}={said}, but {name} in the weights has {found}; use the config.json that was "
                    "saved with these weights."
                )
    layers = {int(match[1]) for name in checkpoint.shapes if (match := LAYER.match(name))}
    said = checkpoint.size("num_hidden_layers")
    if layers and said is not None and said > len(layers):  # more can be there, for speculative decoding
        checkpoint.refuse(
            f"{file} says num_hidden_layers={said}, but the weights hold {len(layers)} layers; use the config.json "
            "that was saved with these weights."
        )
