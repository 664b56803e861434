"""The YAML files compose into the objects that do the work; classes of other packages join them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

import ttc.app.registry
from ttc.app.registry import GROUPS, config_directory, instantiate, register_run, register_training
from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.ensemble import Combination
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.revisions import Revisions
from ttc.training.orm import RevisionVerifierTraining
from ttc.training.reviser import ReviserTraining

OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((config_directory() / group).glob("*.yaml"))]


def composed(*overrides: str, name: str = "run") -> Any:
    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        return instantiate(compose(name, list(overrides)))


def config(**settings: Any) -> RunConfig:
    parts = {
        "strategy": BestOfN(),
        "generator": VllmGenerator(),
        "prm": VllmVerifier(),
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
    assert isinstance(default.verifier, VllmVerifier) and default.verifier.model == "pocket"
    assert isinstance(default.generator, VllmGenerator) and default.generator.model == "pocket"
    default.check()


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes_into_its_object(option: str) -> None:
    group, _, name = option.partition("=")
    given = ["generator.model=someone/model"] if option == "generator=chat" else []
    part = getattr(composed(option, *given), group)
    assert (part is None) == (name == "none")
    assert part is None or isinstance(part, GROUPS[group].base)


@pytest.mark.parametrize("name", ["generator", "prm"])
def test_the_trainings_compose_into_objects_that_run(name: str) -> None:
    register_training()
    training = composed(name=f"train/{name}")
    assert callable(training.run)


def test_a_width_of_null_is_none() -> None:
    assert composed("strategy.width=null").strategy == Beam(width=None)


def test_a_selection_is_given_by_its_name() -> None:
    assert composed("selection=best").selection is SelectionRule.best


def test_majority_selects_by_majority() -> None:
    assert composed("strategy=majority").selection is SelectionRule.majority
    composed("strategy=majority", "prm=none").check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budget": 0}, "budget=0: must be at least 1"),
        ({"seed": -1}, "seed=-1: must not be negative"),
        ({"budget": 10**20}, "budget=100000000000000000000: must be at most 1,048,576"),
        ({"seed": 2**63}, r"seed=9223372036854775808: must be at most 2\^63 - 1"),
        ({"grading_timeout": 0.0}, "grading_timeout=0.0: must be above 0"),
        ({"grading_timeout": math.nan}, "grading_timeout=nan: must be above 0 and at most 3600 seconds"),
        ({"grading_timeout": math.inf}, "grading_timeout=inf: must be above 0 and at most 3600 seconds"),
        ({"grading_workers": 0}, "grading_workers=0: must be at least 1"),
        ({"grading_workers": 10**8}, "grading_workers=100000000: must be at most 256 processes"),
        ({"workers": 0}, "workers=0: must be at least 1"),
        ({"workers": 10**8}, "workers=100000000: must be at most 256 processes"),
    ],
)
def test_an_impossible_number_is_refused_immediately(settings: dict[str, Any], words: str) -> None:
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


def test_a_verifier_that_the_strategy_does_not_need_is_not_checked() -> None:
    unusable = VllmVerifier(model="no such model")
    config(strategy=Majority(), selection=SelectionRule.majority, prm=unusable).check()


def test_the_configs_of_a_wheel_come_before_those_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "ttc"
    monkeypatch.setattr(ttc.app.registry, "__file__", str(package / "app" / "registry.py"))
    with pytest.raises(UserError, match="reinstall"):
        config_directory()
    for directory in (tmp_path / "site" / "configs", package / "configs"):  # a checkout's, then a wheel's
        directory.mkdir(parents=True)
        (directory / "run.yaml").touch()
        assert config_directory() == directory


def test_revisions_come_with_a_generator_verifier_and_selection_that_can_be_replaced() -> None:
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


def test_the_members_of_an_ensemble_are_options_of_the_group_prm() -> None:
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


def test_a_training_that_could_not_learn_is_refused_before_weights_load() -> None:
    with pytest.raises(UserError, match="samples=1 must be at least 2"):
        ReviserTraining(samples=1).check()
    with pytest.raises(UserError, match="validation_samples=10 is not a multiple of length=8"):
        RevisionVerifierTraining(generator=VllmGenerator(), validation_samples=10).check()
