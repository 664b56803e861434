"""The strategies that strategy=threshold chooses among are set and replaced on the command line."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from ttc.app.registry import THRESHOLD_TARGETS, config_directory, instantiate, register_run, with_targets
from ttc.config import RunConfig
from ttc.errors import UserError
from ttc.selection import SelectionRule
from ttc.strategies.beam import Beam
from ttc.strategies.compute_optimal import ComputeOptimal
from ttc.strategies.dvts import Dvts
from ttc.strategies.parallel import BestOfN
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold


def composed(*overrides: str) -> RunConfig:
    register_run()
    given = with_targets(overrides)
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        config: Any = instantiate(compose("run", given))
    assert isinstance(config, RunConfig)
    return config


def test_by_default_threshold_is_algorithm_6_with_a_reviser() -> None:
    config = composed("strategy=threshold")
    assert config.strategy == Threshold()
    assert config.generator.name == "pocket-reviser" and config.prm is not None
    assert config.selection is SelectionRule.hierarchical
    config.check()


def test_the_names_of_the_targets_are_the_fields_of_threshold() -> None:
    assert tuple(Threshold().targets(8)) == THRESHOLD_TARGETS


def test_settings_of_a_target_are_overridden_one_by_one() -> None:
    strategy = composed("strategy=threshold", "strategy.beam.width=8", "strategy.hybrid.ratio=4:1").strategy
    assert strategy == Threshold(beam=Beam(width=8), hybrid=Revisions("4:1"))


def test_a_target_is_replaced_by_name() -> None:
    strategy = composed("strategy=threshold", "strategy.parallel=best_of_n", "strategy.beam=dvts").strategy
    assert strategy == Threshold(parallel=BestOfN(), beam=Dvts())


def test_a_target_is_replaced_by_a_class_of_any_package_with_its_own_keys() -> None:
    path = "ttc.strategies.dvts.Dvts"
    strategy = composed("strategy=threshold", f"strategy.beam._target_={path}", "strategy.beam.width=2").strategy
    assert strategy == Threshold(beam=Dvts(width=2))


def test_a_target_must_be_a_strategy() -> None:
    with pytest.raises(UserError, match=r"strategy\._target_=os\.path\.join: must be a subclass of"):
        composed("strategy=threshold", "strategy.beam._target_=os.path.join")


def test_a_sweep_may_compare_targets() -> None:
    assert with_targets(["strategy.beam=dvts,beam"]) == ["target@strategy.beam=dvts,beam"]


def test_numbers_of_other_strategies_are_left_as_they_are() -> None:
    assert with_targets(["strategy.beam=4", "strategy.width=8"]) == ["strategy.beam=4", "strategy.width=8"]


def test_compute_optimal_takes_its_policy_and_probes() -> None:
    config = composed("strategy=compute_optimal", "strategy.policy=policy.yaml", "strategy.probes=8")
    assert config.strategy == ComputeOptimal(probes=8, policy="policy.yaml")


def test_a_run_of_a_policy_is_checked_against_its_models_and_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(Beam, "check_fit", lambda self, *given: seen.extend(given))
    config = composed("strategy=beam", "budget=8")
    config.check()
    budget, selection, generator, verifier = seen
    assert (budget, selection) == (8, SelectionRule.weighted)
    assert generator.name == verifier.name == "pocket"  # type: ignore[attr-defined]
    assert generator.fingerprint == config.generator.fingerprint()  # type: ignore[attr-defined]


def test_revisions_have_no_values_of_steps_to_aggregate() -> None:
    with pytest.raises(
        UserError, match=r"^aggregation=min: Revisions scores only whole solutions; use aggregation=last"
    ):
        composed("strategy=revisions", "aggregation=min").check()
    with pytest.raises(UserError, match=r"BestOfN scores only whole solutions; add strategy\.step_values=true"):
        composed("strategy=best_of_n", "aggregation=min").check()
