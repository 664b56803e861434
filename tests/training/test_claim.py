"""A directory of samples is bound to the settings that they were made with."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.training.claim import SamplingTraining, claim_directory
from ttc.training.loop import Optimisation
from ttc.training.orm import OrmTraining, RevisionVerifierTraining
from ttc.training.prm import PrmTraining
from ttc.training.reviser import ReviserTraining
from ttc.training.rollouts import MonteCarlo

FEW = OrmTraining(problems=2, optimisation=Optimisation(steps=1))


def test_a_directory_accepts_other_fitting_and_speed_settings_and_a_copy_of_its_generator(tmp_path: Path) -> None:
    claim_directory(tmp_path / "new", FEW)
    for same in (
        FEW,
        replace(FEW, optimisation=Optimisation(steps=9), evaluate_every=7),
        replace(FEW, generator=VllmGenerator(model=resolve("pocket", "generator"), max_num_seqs=8)),
    ):
        claim_directory(tmp_path / "new", same)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["sampling.json"]
    recorded = json.loads((tmp_path / "new" / "sampling.json").read_text())
    assert recorded["problems"] == "2" and recorded["generator.model"] == "pocket"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(FEW, problems=3), "made with problems=2, not 3; use the same value, or choose another"),
        (replace(FEW, generator=VllmGenerator(temperature=0.5)), r"made with generator\.temperature=1\.0, not 0\.5"),
        (
            replace(FEW, generator=VllmGenerator(model="pocket-reviser")),
            r"made with generator\.model=pocket \(\w+\), not pocket-reviser \(\w+\)",
        ),
    ],
)
def test_a_directory_refuses_other_sampling_settings(other: OrmTraining, message: str, tmp_path: Path) -> None:
    claim_directory(tmp_path, FEW)
    with pytest.raises(UserError, match=message):
        claim_directory(tmp_path, other)


def test_a_generator_on_the_hub_is_identified_by_its_name(tmp_path: Path) -> None:
    first, second = (ReviserTraining(generator=VllmGenerator(model=f"someone/{name}")) for name in ("one", "two"))
    claim_directory(tmp_path, first)
    claim_directory(tmp_path, first)
    with pytest.raises(UserError, match=r"made with generator\.model=someone/one, not someone/two"):
        claim_directory(tmp_path, second)


@pytest.mark.parametrize("kind", [ReviserTraining, PrmTraining, OrmTraining, RevisionVerifierTraining])
def test_every_fitting_setting_is_a_key_of_its_training(kind: type[SamplingTraining]) -> None:
    assert kind.fitting_settings <= {field.name for field in fields(kind)}


def test_a_setting_that_affects_only_fitting_may_change_and_one_that_affects_sampling_may_not(tmp_path: Path) -> None:
    claim_directory(tmp_path / "chains", RevisionVerifierTraining())
    claim_directory(tmp_path / "chains", RevisionVerifierTraining(history=False))
    claim_directory(tmp_path / "rollouts", PrmTraining())
    with pytest.raises(UserError, match="made with monte_carlo="):
        claim_directory(tmp_path / "rollouts", PrmTraining(monte_carlo=MonteCarlo(samples=3, rollouts=1)))


def test_looking_at_a_directory_changes_nothing_there(tmp_path: Path) -> None:
    FEW.refuse_directory(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    claim_directory(tmp_path, FEW)
    with pytest.raises(UserError, match="made with problems=2, not 3"):
        replace(FEW, problems=3).refuse_directory(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\0"])
def test_a_damaged_record_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "sampling.json").write_text(content)
    with pytest.raises(UserError, match=r"sampling\.json is not .*; choose another hydra\.run\.dir") as error:
        claim_directory(tmp_path, FEW)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["{}", '{"checkpoint": 3}', '{"problems": null}'])
def test_a_record_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "sampling.json").write_text(content)
    with pytest.raises(UserError, match="holds samples made with"):
        claim_directory(tmp_path, FEW)


def test_samples_made_with_unknown_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"settings are unknown .*; choose another hydra\.run\.dir"):
        ReviserTraining(problems=1).run(tmp_path)
