"""Trainings on sampled solutions: a run directory is bound to the settings that its samples were made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ttc.data.base import Dataset
from ttc.data.datasets import PocketDataset
from ttc.engines.base import SPEED_SETTINGS
from ttc.engines.checkpoint import fingerprint
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.files import read_json, write_text
from ttc.grading import AnswerGrader, MathGrader
from ttc.store.database import SqliteStore
from ttc.training.base import Training
from ttc.training.sources import check_source
from ttc.training.start import check_generator
from ttc.training.trainable import Lora, Trainable

_RECORD = "sampling.json"
_MODEL, _CHECKPOINT = "generator.model", "checkpoint"
_FITTING = frozenset({"store", "trainable", "lora"})  # of every training


@dataclass
class SamplingTraining(Training):
    """A training that learns from what its generator samples for the problems of `data`.

    What is sampled goes through the store, as in `ttc run`: a training that is killed loses next to nothing, and
    trainings of one generator share their samples.
    """

    seed: int = 0
    generator: VllmGenerator = field(default_factory=VllmGenerator)
    data: Dataset = field(default_factory=PocketDataset)
    grader: AnswerGrader = field(default_factory=MathGrader)
    store: SqliteStore | None = None
    trainable: Trainable = Trainable.all
    lora: Lora = field(default_factory=Lora)

    fitting_settings: ClassVar[frozenset[str]]
    """Settings that do not affect sampling."""

    def check(self) -> None:
        """Refuse data, a generator or adapters that no training can use."""
        check_generator(self.generator)
        check_source(self.data)
        self.grader.check()
        self.lora.check()
        if self.store is not None:
            self.store.check()

    def refuse_directory(self, directory: Path) -> None:
        refuse_other_samples(directory, self)


def claim_directory(directory: Path, training: SamplingTraining) -> None:
    """Create the directory and bind it to the training's sampling settings, which `sampling.json` records.

    Settings of fitting and of speed may change between runs. A generator in a local directory is identified by its
    content, so that a copy or a symbolic link counts as the same; one on the hub by its id.

    Raises:
        UserError: the directory holds samples that were made with other settings, or with unknown ones.
    """
    refuse_other_samples(directory, training)
    file = directory / _RECORD
    if not file.exists():
        write_text(file, json.dumps(_sampling_settings(training), indent=2))


def refuse_other_samples(directory: Path, training: SamplingTraining) -> None:
    """Refuse a directory that holds samples made with other settings; nothing is written.

    Raises:
        UserError: naming the first setting that differs.
    """
    file = directory / _RECORD
    if not file.exists():
        if any(directory.glob("*.jsonl")):
            raise UserError(
                f"{directory} holds samples whose settings are unknown (no {file.name}); choose another hydra.run.dir."
            )
        return
    recorded = recorded_settings(file)
    settings = _sampling_settings(training)
    if _CHECKPOINT in recorded:  # what it does not say of later settings is what they were by default
        recorded = _later_defaults(type(training)()) | recorded
    for name in dict.fromkeys([*settings, *recorded]):
        if name != _MODEL and recorded.get(name) != settings.get(name):
            raise UserError(
                f"{directory} holds samples made with {_MODEL if name == _CHECKPOINT else name}="
                f"{_shown(recorded, name)}, not {_shown(settings, name)}; use the same value, or choose another "
                "hydra.run.dir."
            )


def recorded_settings(file: Path) -> dict[str, Any]:
    """Read what a training recorded of its settings.

    Raises:
        UserError: the file is damaged.
    """
    hint = "choose another hydra.run.dir, or delete the directory."
    recorded = read_json(file, hint=hint)
    if not isinstance(recorded, dict):
        raise UserError(f"{file} is not a JSON object; {hint}")
    return recorded


def _sampling_settings(training: SamplingTraining) -> dict[str, str]:
    """Return the settings that affect sampling, under their names on the command line, and the generator's identity."""
    source = training.generator.source
    # A hub id may be downloaded between two runs: its content cannot identify it.
    checkpoint = fingerprint(source) if Path(source).is_dir() else source
    return _named_settings(training) | {_CHECKPOINT: checkpoint}


def _named_settings(training: SamplingTraining) -> dict[str, str]:
    excluded = training.fitting_settings | _FITTING | {"generator", "data", "grader"}
    sampling = {name: value for name, value in asdict(training).items() if name not in excluded}
    sampling["grader"] = repr(training.grader)  # two classes may have the same settings
    for group, part in (("generator", training.generator), ("data", training.data)):
        left_out = SPEED_SETTINGS | (part.later_defaults() if isinstance(part, Dataset) else frozenset())
        sampling |= {f"{group}.{name}": value for name, value in asdict(part).items() if name not in left_out}
    return {name: str(value) for name, value in sampling.items()}


def _later_defaults(training: SamplingTraining) -> dict[str, str]:
    """Return the defaults of what directories made by an earlier ttc do not record."""
    defaults = _named_settings(training)
    return {name: value for name, value in defaults.items() if name != _MODEL}


def _shown(settings: Mapping[str, object], name: str) -> str:
    """Format a setting for an error message; a checkpoint as its model's name with the start of its digest."""
    value, model = str(settings.get(name, "nothing")), settings.get(_MODEL)
    return f"{model} ({value[:12]})" if name == _CHECKPOINT and model != value else value
