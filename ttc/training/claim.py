"""A training's directory belongs to what its samples are made with: another training is not given them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ttc.engines.checkpoint import fingerprint, resolve
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError

SPEED = frozenset({"max_num_seqs", "gpu_memory_utilization", "kv_cache_gib", "tensor_parallel_size"})
"""Settings of a generator that change how fast it samples, and nothing else."""

MODEL, CHECKPOINT = "generator.model", "checkpoint"


class Sampling(Protocol):
    """A training, a dataclass, that learns from what its generator writes."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    generator: VllmGenerator
    fitting: ClassVar[frozenset[str]]
    """The settings that what is sampled does not hang on."""


def claim(directory: Path, training: Sampling) -> None:
    """Make the directory, and bind it to what the training samples with; settings of fitting and of speed may change.

    A generator's directory counts by its content, so that a copy or another name of it is the same; a hub id by itself.

    Raises:
        UserError: it holds samples that were made with other settings, or with none that are known.
    """
    file = directory / "sampling.json"
    ours = _settings(training)
    if not file.exists():
        if any(directory.glob("*.jsonl")):
            raise UserError(f"{directory} holds samples whose settings are not known; choose another hydra.run.dir.")
        directory.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(ours, indent=2) + "\n")
        partial.replace(file)
    theirs = json.loads(file.read_text())
    for name in dict.fromkeys([*ours, *theirs]):
        if name != MODEL and theirs.get(name) != ours.get(name):
            told = MODEL if name == CHECKPOINT else name
            raise UserError(
                f"the samples in {directory} were made with {told}={_shown(theirs, name)}, not {_shown(ours, name)}; "
                "go on with that, or choose another hydra.run.dir."
            )


def _settings(training: Sampling) -> dict[str, str]:
    """The settings that the samples hang on, by their names on the command line, and what the model holds."""
    generator = training.generator
    source = resolve(generator.model, "generator")
    sampling = {name: value for name, value in asdict(training).items() if name not in training.fitting | {"generator"}}
    asked = {f"generator.{name}": value for name, value in asdict(generator).items() if name not in SPEED}
    # A hub id may be in the local cache by the next time, so that its content is no mark of it.
    content = fingerprint(source) if Path(source).is_dir() else source
    return {name: str(value) for name, value in (sampling | asked | {CHECKPOINT: content}).items()}


def _shown(settings: Mapping[str, str], name: str) -> str:
    value = settings.get(name, "nothing")
    return f"{settings[MODEL]} ({value[:12]})" if name == CHECKPOINT and settings[MODEL] != value else value
