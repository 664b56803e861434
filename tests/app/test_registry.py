"""The YAML files compose into the objects that do the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import ttc.config
from ttc.app.registry import config_directory, register_run, register_training
from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.difficulty.bins import OracleDifficulty
from ttc.engines.ensemble import Combination
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.revisions import Revisions
from ttc.training.orm import RevisionVerifierTraining
from ttc.training.reviser import ReviserTraining

GROUPS = ("generator", "prm", "data", "strategy", "difficulty")
OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((config_directory() / group).glob("*.yaml"))]


def composed(*overrides: str, name: str = "run") -> Any:
    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        return OmegaConf.to_object(compose(name, list(overrides)))


def config(**settings: Any) -> RunConfig:
    parts = {
        "strategy": BestOfN(),
        "generator": VllmGenerator(),
        "prm": VllmGenerator(),
        "data": PocketDataset(),
        "difficulty": OracleDifficulty(),
    }
    return RunConfig(**{**parts, **settings})


def test_the_default_is_the_papers_beam_search_on_the_pocket() -> None:
    default = composed()
    assert isinstance(default, RunConfig)
    assert default.strategy == Beam(width=4, rounds=40)
    assert (default.budget, default.selection, default.aggregation) == (64, SelectionRule.weighted, Aggregation.last)
    assert isinstance(default.data, PocketDataset)
    assert (default.generator.model, default.prm.model) == ("pocket", "pocket")
    default.check()


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes_into_its_object(option: str) -> None:
    group, _, name = option.partition("=")
    part = getattr(composed(option), group)
    assert (part is None) == (name == "none")
    assert not isinstance(part, dict)


@pytest.mark.parametrize("name", ["generator", "prm"])
def test_the_trainings_compose_into_objects_that_run(name: str) -> None:
    register_training()
    training = composed(name=f"train/{name}")
    assert callable(training.run)


def test_a_width_of_null_is_none() -> None:
    assert composed("strategy.width=null").strategy == Beam(width=None)


@pytest.mark.parametrize("name", ["best", "BEST"])
def test_a_selection_is_named_in_either_case(name: str) -> None:
    assert composed(f"selection={name}").selection is SelectionRule.best


def test_majority_selects_by_majority() -> None:
    assert composed("strategy=majority").selection is SelectionRule.majority
    composed("strategy=majority", "prm=none").check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budget": 0}, "budget=0: must be at least 1"),
        ({"seed": -1}, "seed=-1: must not be negative"),
        ({"grading_timeout": 0.0}, "grading_timeout=0.0: must be above 0"),
        ({"grading_workers": 0}, "grading_workers=0: must be at least 1"),
    ],
)
def test_an_impossible_number_is_refused_at_once(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": Beam(width=4), "budget": 10}, r"budget=10 is not a multiple of width=4; use 8 or 12\."),
        ({"prm": None}, "prm=none: BestOfN needs a verifier; use e.g. prm=pocket"),
        ({"strategy": Majority()}, "selection=weighted: Majority asks no verifier"),
        ({"difficulty": OracleDifficulty("nowhere.json")}, r"nowhere\.json"),
        ({"generator": VllmGenerator(model="no such model")}, "generator.model=no such model"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_weights_load(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(**settings).check()


def test_a_verifier_that_nobody_asks_is_not_checked() -> None:
    unusable = VllmGenerator(model="no such model")
    config(strategy=Majority(), selection=SelectionRule.majority, prm=unusable).check()


def test_the_configs_of_a_wheel_come_before_those_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "ttc"
    monkeypatch.setattr(ttc.config, "__file__", str(package / "config.py"))
    with pytest.raises(UserError, match="reinstall"):
        config_directory()
    for directory in (tmp_path / "site" / "configs", package / "configs"):  # a checkout's, then a wheel's
        directory.mkdir(parents=True)
        (directory / "run.yaml").touch()
        assert config_directory() == directory


def test_revisions_bring_their_own_generator_verifier_and_selection_and_each_can_be_chosen_otherwise() -> None:
    default = composed("strategy=revisions", "strategy.ratio=8:1", "budget=128")
    assert default.strategy == Revisions(ratio="8:1", shown=4)
    assert (default.generator.model, default.prm.model) == ("pocket-reviser", "pocket-revision-verifier")
    assert (default.prm.format, default.selection) == ("revisions", SelectionRule.hierarchical)
    default.check()
    other = composed("strategy=revisions", "generator=pocket", "prm=pocket_orm", "selection=majority")
    assert (other.generator.model, other.prm.model, other.selection) == ("pocket", "pocket-orm", SelectionRule.majority)


def test_hierarchical_selection_needs_chains() -> None:
    with pytest.raises(UserError, match="makes no chains of revisions; use selection=weighted"):
        config(selection=SelectionRule.hierarchical).check()


def test_an_ensembles_members_are_options_of_the_verifiers_group() -> None:
    ensemble = composed("prm=ensemble", "prm.how=weighted", "+prm.weights={prm: 2, orm: 1}").prm
    assert {name: member.model for name, member in ensemble.members.items()} == {"prm": "pocket", "orm": "pocket-orm"}
    assert (ensemble.how, ensemble.weights) == (Combination.weighted, {"prm": 2.0, "orm": 1.0})
    swapped = composed("prm=ensemble", "prm@prm.members.orm=qwen2.5-math-prm-7b").prm
    assert swapped.members["orm"].format == "qwen_math_prm"


@pytest.mark.parametrize(
    ("name", "title"),
    [("prm", "prm"), ("orm", "orm"), ("revision_verifier", "revision verifier")],
)
def test_every_verifiers_training_composes(name: str, title: str) -> None:
    register_training()
    assert composed(name=f"train/{name}").title == title


def test_a_training_that_could_learn_nothing_is_refused_before_weights_load() -> None:
    with pytest.raises(UserError, match="samples=1: right and wrong solutions need 2 or more"):
        ReviserTraining(samples=1).check()
    with pytest.raises(UserError, match="validation_samples=10 is not a multiple of length=8"):
        RevisionVerifierTraining(generator=VllmGenerator(), validation_samples=10).check()
