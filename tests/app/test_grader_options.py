"""Graders are chosen and set on the command line, as the parts of every other group."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from ttc.app.completion import complete
from ttc.app.registry import config_directory, instantiate, register_run, register_training, with_targets
from ttc.config import RunConfig
from ttc.errors import UserError
from ttc.grading import AnswerGrader, MathGrader
from ttc.grading.loading import GRADERS
from ttc.grading.tolerance import NumericGrader
from ttc.training.claim import SamplingTraining, claim_directory, refuse_other_samples


@dataclass
class Yes(AnswerGrader):
    """Accepts everything but one answer."""

    but: str = "no"

    def is_correct(self, answer: str, gold: str) -> bool:
        return answer != self.but


def composed(*overrides: str, name: str = "run") -> Any:
    (register_run if name == "run" else register_training)()
    given = with_targets(overrides)
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        return instantiate(compose(name, given))


@pytest.mark.parametrize("name", GRADERS)
def test_every_grader_that_grade_knows_is_an_option_with_the_same_settings(name: str) -> None:
    assert composed(f"grader={name}").grader == GRADERS[name]()
    assert {path.stem for path in (config_directory() / "grader").glob("*.yaml")} == set(GRADERS)


def test_the_default_grades_mathematics() -> None:
    config = composed()
    assert isinstance(config, RunConfig) and config.grader == MathGrader()


def test_a_graders_settings_are_keys() -> None:
    assert composed("grader=numeric", "grader.relative=0.25").grader == NumericGrader(relative=0.25)


def test_a_class_of_another_package_is_a_grader() -> None:
    assert composed(f"grader._target_={__name__}.Yes", "grader.but=never").grader == Yes("never")
    with pytest.raises(UserError, match=r"grader\._target_=os\.path\.join: must be a subclass of"):
        composed("grader._target_=os.path.join")


def test_options_are_completed() -> None:
    assert complete("run", [], "grader=cho") == ["grader=choice"]


def test_a_training_binds_its_directory_to_its_grader_and_an_older_one_to_math(tmp_path: Path) -> None:
    usual = composed(name="train/orm")
    assert isinstance(usual, SamplingTraining) and usual.grader == MathGrader()
    claim_directory(tmp_path, usual)
    file = tmp_path / "sampling.json"
    recorded = {name: value for name, value in json.loads(file.read_text()).items() if name != "grader"}
    file.write_text(json.dumps(recorded))  # as an earlier version wrote it
    refuse_other_samples(tmp_path, composed(name="train/orm"))
    with pytest.raises(UserError, match=r"holds samples made with grader=MathGrader\(\), not NumericGrader"):
        refuse_other_samples(tmp_path, composed("grader=numeric", name="train/orm"))
