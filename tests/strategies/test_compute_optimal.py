"""A policy chooses a strategy by the difficulty that the probes predict."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from flows import PROBLEM, RandomReplies, drive, solved, start
from hypothesis import given
from hypothesis import strategies as st

from ttc.errors import UserError
from ttc.models import ModelId
from ttc.policy import Choice, Policy
from ttc.selection import SelectionRule
from ttc.strategies.base import Strategy, config_of
from ttc.strategies.beam import Beam
from ttc.strategies.compute_optimal import ComputeOptimal
from ttc.strategies.parallel import BestOfN
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold
from ttc.types import Sample, Trace

GENERATOR, VERIFIER = ModelId("pocket", "g1"), ModelId("pocket-prm", "v1")


def written(
    path: Path,
    *rows: tuple[int, tuple[str, ...]],
    strategies: dict[str, Strategy] | None = None,
    selection: str = "weighted",
    verifier: ModelId | None = VERIFIER,
) -> str:
    """Write a policy of three bins with these labels at each budget; return its path."""
    described = {label: config_of(strategy) for label, strategy in (strategies or STRATEGIES).items()}
    choices = {budget: tuple(Choice(label, selection) for label in labels) for budget, labels in rows}
    file = path / "policy.yaml"
    Policy(GENERATOR, verifier, (0.7, 0.3), described, choices).save(file)
    return str(file)


STRATEGIES: dict[str, Strategy] = {"best_of_n": BestOfN(), "beam 4": Beam(), "beam": Beam(width=None)}
ROWS = (8, ("best_of_n", "best_of_n", "beam")), (64, ("best_of_n", "beam 4", "beam"))


@pytest.fixture
def policy(tmp_path: Path) -> str:
    return written(tmp_path, *ROWS)


@pytest.mark.parametrize(
    ("budget", "value", "label"),
    [
        *((8, 0.7, "best_of_n"), (8, 0.69, "best_of_n"), (8, 0.29, "beam"), (63, 0.69, "best_of_n")),
        *((64, 0.7, "best_of_n"), (64, 0.69, "beam 4"), (64, 0.3, "beam 4"), (64, 0.29, "beam")),
    ],
)
def test_the_mean_value_of_the_probes_predicts_the_bin(policy: str, budget: int, value: float, label: str) -> None:
    assert ComputeOptimal(policy=policy).choose(value, budget) == label


def test_the_rest_of_the_budget_is_spent_as_the_policy_says(policy: str) -> None:
    flow = ComputeOptimal(policy=policy).solve(PROBLEM, 64)
    assert start(flow) == [Sample(Trace(PROBLEM))] * 4
    flow.send([solved(Trace(PROBLEM), str(n)) for n in range(4)])
    assert flow.send([0.2, 0.6, 0.4, 0.8]) == [Sample(Trace(PROBLEM), max_steps=1)] * 60


@given(budget=st.integers(8, 64), probes=st.integers(1, 7), seed=st.integers(0, 2**32))
def test_exactly_the_budget_is_spent_on_a_strategy_of_the_policy(
    tmp_path_factory: pytest.TempPathFactory, budget: int, probes: int, seed: int
) -> None:
    strategy = ComputeOptimal(probes=probes, policy=written(tmp_path_factory.mktemp("policy"), *ROWS))
    strategy.check(budget)
    candidates, _ = drive(strategy.solve(PROBLEM, budget), RandomReplies(seed))
    assert sum(candidate.generations for candidate in candidates) == budget
    [route] = {candidate.route for candidate in candidates}
    assert route in ({"best_of_n", "beam"} if budget < 64 else {"best_of_n", "beam 4", "beam"})


def test_it_has_chains_where_a_strategy_of_the_policy_has(tmp_path: Path, policy: str) -> None:
    assert not ComputeOptimal(policy=policy).has_chains
    revisions = {"1:1": Revisions(), "sequential": Revisions("sequential")}
    path = written(tmp_path, (16, ("sequential", "1:1", "1:1")), strategies={**revisions})
    strategy = ComputeOptimal(policy=path)
    candidates, _ = drive(strategy.solve(PROBLEM, 16), RandomReplies(0))
    assert strategy.has_chains and all(candidate.chain is not None for candidate in candidates)


def test_the_policy_that_was_checked_is_the_one_that_runs(policy: str) -> None:
    strategy = ComputeOptimal(policy=policy)
    strategy.check(64)
    Path(policy).unlink()
    travelled = pickle.loads(pickle.dumps(strategy))  # to a worker process
    assert travelled.choose(0.5, 64) == "beam 4"


def test_a_policy_is_not_read_before_it_is_needed() -> None:
    assert ComputeOptimal(policy="nowhere.yaml").needs_verifier


def refusal(strategy: ComputeOptimal, budget: int) -> str:
    with pytest.raises(UserError) as error:
        strategy.check(budget)
    return str(error.value)


def test_without_a_readable_policy_the_remedy_is_named(tmp_path: Path) -> None:
    assert refusal(ComputeOptimal(), 8) == (
        "strategy.policy is missing; set strategy.policy=FILE, a policy that `ttc optimal` wrote."
    )
    missing = refusal(ComputeOptimal(policy=str(tmp_path / "none.yaml")), 8)
    assert "none.yaml cannot be read (No such file or directory); give a policy" in missing


def test_budgets_outside_the_policy_are_refused(policy: str) -> None:
    strategy = ComputeOptimal(policy=policy)
    assert refusal(strategy, 7) == f"budget=7 is below the smallest of {policy}; use budget=8 or more."
    assert refusal(strategy, 65) == (
        f"budget=65 is above the largest of {policy}; use budget=64 or less, or write a policy from runs with larger "
        "budgets."
    )
    assert refusal(ComputeOptimal(probes=8, policy=policy), 8).startswith("budget=8 leaves nothing after")


def test_a_controller_in_a_policy_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, (8, ("threshold",) * 3), strategies={"threshold": Threshold()})
    assert refusal(ComputeOptimal(policy=path), 8) == (
        f"{path}, strategy threshold: Threshold probes by itself; choose a strategy that does not."
    )


def test_an_error_in_a_strategy_names_the_policy_and_the_strategy(tmp_path: Path) -> None:
    path = written(tmp_path, (8, ("beam",) * 3), strategies={"beam": Beam(width=0)})
    assert refusal(ComputeOptimal(policy=path), 8).startswith(f"{path}, strategy beam: strategy.width=0 must be at")


def misfit(path: str, generator: ModelId = GENERATOR, verifier: ModelId = VERIFIER, selection: str = "weighted") -> str:
    with pytest.raises(UserError) as error:
        ComputeOptimal(policy=path).check_fit(64, SelectionRule(selection), generator, verifier)
    return str(error.value)


def test_a_policy_fits_the_models_and_the_selection_that_it_was_made_from(policy: str) -> None:
    renamed = replace(GENERATOR, name="a copy", parameters=7)
    ComputeOptimal(policy=policy).check_fit(64, SelectionRule.weighted, renamed, VERIFIER)


def test_a_policy_of_other_models_is_refused_and_both_are_named(policy: str) -> None:
    assert misfit(policy, generator=ModelId("qwen", "g2")) == (
        f"generator=qwen: {policy} was made with pocket; use that, or write a policy from runs of this generator."
    )
    assert misfit(policy, verifier=ModelId("pocket-prm", "v2")) == (
        f"prm=pocket-prm: {policy} was made with pocket-prm, with other settings or weights; use that, or write a "
        "policy from runs of this prm."
    )


def test_a_policy_without_a_verifier_cannot_tell_its_bins_apart(tmp_path: Path) -> None:
    path = written(tmp_path, *ROWS, verifier=None)
    assert misfit(path) == (
        f"{path} names no verifier, whose values would tell its bins apart; write a policy from runs that score, e.g. "
        "of best_of_n."
    )


def test_a_policy_of_another_selection_is_refused(policy: str) -> None:
    assert misfit(policy, selection="majority") == (
        f"selection=majority: {policy} chooses best_of_n with selection=weighted in bin 1 at budget=64; use "
        "selection=weighted, or write a policy of one selection."
    )
