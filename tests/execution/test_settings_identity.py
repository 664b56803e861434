"""Runs have one identity if the same settings determine their results."""

from __future__ import annotations

from typing import Any

from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.execution.identity import identity_of
from ttc.strategies.beam import Beam
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
