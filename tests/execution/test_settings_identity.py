"""Runs have one identity if the same settings determine their results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.execution.identity import identity_of
from ttc.models import ModelId
from ttc.policy import Choice, Policy
from ttc.strategies.base import config_of
from ttc.strategies.beam import Beam
from ttc.strategies.compute_optimal import ComputeOptimal
from ttc.strategies.dvts import Dvts
from ttc.strategies.threshold import Threshold


def identity(**settings: Any) -> object:
    parts = {
        **{"strategy": Beam(), "generator": VllmGenerator(), "prm": VllmVerifier()},
        **{"data": PocketDataset(), "difficulty": OracleDifficulty()},
    }
    return identity_of(RunConfig(**{**parts, **settings}))


def test_equal_settings_make_one_identity_and_other_settings_another() -> None:
    assert identity() == identity()
    assert identity() != identity(strategy=Beam(width=2))
    assert identity() != identity(seed=1)


def test_the_classes_of_a_controllers_targets_are_part_of_it() -> None:
    assert vars(Beam()) == vars(Dvts())  # the same settings
    assert identity(strategy=Threshold(beam=Beam())) != identity(strategy=Threshold(beam=Dvts()))
    assert identity(strategy=Threshold()) == identity(strategy=Threshold())


def test_what_a_policy_says_is_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    beam = {"beam": config_of(Beam())}

    def saved(edge: float) -> object:
        choices = {8: (Choice("beam", "weighted"),) * 2}
        Policy(ModelId("small", "g"), ModelId("judge", "v"), (edge,), beam, choices).save(file)
        return identity(strategy=ComputeOptimal(policy=str(file)))

    assert saved(0.5) == saved(0.5)
    assert saved(0.5) != saved(0.6)
