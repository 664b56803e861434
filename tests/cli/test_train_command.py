"""`ttc train`: its directory holds one training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine, Outcome


def test_a_training_runs_in_its_fixed_directory(
    ttc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttc.training.generator import GeneratorTraining

    ran: list[Any] = []
    monkeypatch.setattr(GeneratorTraining, "run", lambda self, directory: ran.append((self.seed, directory)))
    assert ttc("train", "generator", "seed=5") == Outcome(0, "", "")
    assert ran == [(5, tmp_path / "outputs" / "train" / "generator")]


def test_a_training_of_other_settings_is_refused_before_hydra_writes_anything(
    ttc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttc.training.generator import GeneratorTraining

    monkeypatch.setattr(GeneratorTraining, "run", lambda self, directory: self._bind(directory))
    assert ttc("train", "generator", "hydra.run.dir=here").code == 0
    before = (tmp_path / "here" / ".hydra" / "overrides.yaml").read_bytes()
    outcome = ttc("train", "generator", "seed=5", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1) and "holds a training of other settings" in outcome.err
    assert (tmp_path / "here" / ".hydra" / "overrides.yaml").read_bytes() == before
    assert ttc("train", "generator", "hydra.run.dir=here").code == 0
