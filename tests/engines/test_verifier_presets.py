"""The options of the config group `prm` fit the formats that they name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from ttc.app.registry import config_directory, instantiate, register_run
from ttc.config import RunConfig
from ttc.engines.formats import FORMATS
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError

PRESETS = [
    *("pocket", "pocket_orm", "pocket_revision_verifier", "math-shepherd-7b", "rlhflow-8b-deepseek"),
    *("rlhflow-8b-mistral", "qwen2.5-math-prm-7b", "qwen2.5-math-prm-72b", "qwen2.5-math-7b-prm800k"),
    *("skywork-o1-prm-1.5b", "skywork-o1-prm-7b", "trl", "reward_model", "judge"),
]
FOR_ANY_MODEL = {"trl", "reward_model", "judge"}


def preset(*overrides: str) -> VllmVerifier:
    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        config = instantiate(compose("run", list(overrides)))
    assert isinstance(config, RunConfig) and isinstance(config.prm, VllmVerifier)
    return config.prm


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_read_in_its_format(name: str) -> None:
    verifier = preset(f"prm={name}")
    verifier.check_reading()
    assert verifier.pooling == "last"


def test_every_format_has_a_preset() -> None:
    assert {preset(f"prm={name}").format for name in PRESETS} == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FOR_ANY_MODEL))
def test_an_option_for_any_model_takes_one(name: str, tmp_path: Path) -> None:
    assert preset(f"prm={name}", f"prm.model={tmp_path}").model == str(tmp_path)


@pytest.mark.parametrize("name", sorted(FOR_ANY_MODEL - {"judge"}))
def test_an_option_for_any_model_asks_for_one(name: str) -> None:
    with pytest.raises(UserError, match=r"prm\.model has no value; set prm\.model to a directory or a hub id"):
        preset(f"prm={name}").check()


def test_the_generator_is_its_own_judge_unless_another_is_named() -> None:
    assert preset("prm=judge", "generator=qwen2.5-math-7b").model == "Qwen/Qwen2.5-Math-7B-Instruct"


def test_the_pocket_is_no_judge() -> None:
    with pytest.raises(UserError, match=r"prm\.format=judge asks a language model, but prm\.model=pocket is"):
        preset("prm=judge").check()
