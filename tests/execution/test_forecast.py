"""A forecast says what a run will take, and refuses what a run refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wordy import Wordy, config

from ttc.config import RunConfig
from ttc.cost import FlopsConvention
from ttc.data.datasets import PocketDataset, TabularDataset
from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.errors import UserError
from ttc.execution.experiment import execute
from ttc.execution.forecast import Forecast, Forecaster
from ttc.store.database import SqliteStore
from ttc.strategies.adaptive import AdaptiveConsistency
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.threshold import Threshold


def pocket(strategy: Strategy, **settings: Any) -> RunConfig:
    parts = {"generator": VllmGenerator(), "prm": VllmVerifier(), "data": PocketDataset(limit=20), "budget": 8}
    return config(strategy, **{**parts, **settings})


def forecast(run: RunConfig, tokens: int | None = 60) -> Forecast:
    return Forecaster(tokens).forecast(run)


def test_a_run_takes_its_budget_for_each_problem_of_its_shard() -> None:
    found = forecast(pocket(BestOfN(), data=PocketDataset(limit=20, shard="1/3")))
    assert found.generations == 7 * 8
    assert found.cost is not None and found.cost.tokens.decoded == 7 * 8 * 60
    assert not found.may_spend_less and not found.solutions.at_most


def test_costs_and_memory_are_those_of_the_models_in_use() -> None:
    scored, unscored = forecast(pocket(BestOfN())), forecast(pocket(Majority(), prm=None))
    assert [memory.part for memory in scored.memory] == ["generator", "prm"]
    assert [memory.part for memory in unscored.memory] == ["generator"]
    assert scored.cost is not None and unscored.cost is not None
    assert scored.cost.flops.paper is not None and unscored.cost.flops.paper is not None
    assert scored.cost.flops.paper > unscored.cost.flops.paper and unscored.cost.tokens.prm == 0


def test_a_strategy_that_may_stop_is_forecast_to_spend_all_and_said_to_be() -> None:
    found = forecast(pocket(AdaptiveConsistency(), prm=None))
    assert found.generations == 20 * 8 and found.may_spend_less
    assert found.notes[0].startswith("adaptive_consistency stops where the vote is settled")


def test_a_controllers_numbers_are_those_of_its_costliest_route() -> None:
    found = forecast(pocket(Threshold(), budget=16))
    assert found.may_spend_less and found.generations == 20 * 16
    assert found.notes[0].startswith("threshold chooses a strategy for each problem")


def test_the_flops_of_a_model_without_a_shape_are_unknown_and_its_name_is_said() -> None:
    found = forecast(pocket(BestOfN(), generator=Wordy()))
    assert found.unsized == ("generator wordy",)
    assert found.cost is not None and found.cost.flops.paper is None and found.cost.tokens.decoded == 20 * 8 * 60


def test_a_model_without_a_shape_is_told_from_one_of_the_same_name() -> None:
    found = forecast(pocket(BestOfN(), generator=Wordy("pocket")))
    assert found.unsized == ("generator pocket",) and [memory.part for memory in found.memory] == ["prm"]


def test_a_length_that_nothing_tells_leaves_the_costs_open() -> None:
    found = forecast(pocket(BestOfN(), generator=Wordy()), tokens=None)
    assert found.cost is None and found.generations == 20 * 8
    assert found.decoding_hours(1000) is None


def test_hours_are_those_of_decoding() -> None:
    assert forecast(pocket(BestOfN())).decoding_hours(20 * 8 * 60 / 3600) == pytest.approx(1)


def test_a_table_gives_each_problem_its_own_budget(tmp_path: Path) -> None:
    run = pocket(BestOfN(), budget=None)
    budgets = {problem.id: 2 + place % 3 for place, problem in enumerate(run.data.load())}
    file = tmp_path / "budgets.json"
    file.write_text(json.dumps({"budgets": budgets}))
    found = forecast(replace(run, budget=None, budget_table=str(file)))
    assert found.generations == sum(budgets.values())
    assert found.spent == "budget 3 on average (budget_table)"
    assert found.cost is not None and found.cost.tokens.decoded == sum(budgets.values()) * 60


@pytest.mark.parametrize(
    "limit", [{"tokens": 900}, {"flops": 3e9}, {"flops": 3e9, "flops_convention": FlopsConvention.paper}]
)
def test_a_limit_of_cost_buys_the_largest_budget_that_is_foreseen_to_fit(limit: dict[str, Any]) -> None:
    run = pocket(Beam(), budget=None, **limit)
    found = forecast(run)
    assert run.limit is not None and found.cost is not None and found.generations is not None
    spent = run.limit.cost(found.cost.tokens, found.cost.flops)
    budget = found.generations // 20
    larger = forecast(pocket(Beam(), budget=run.strategy.smallest_spendable(budget + 1))).cost
    assert spent is not None and larger is not None
    over = run.limit.cost(larger.tokens, larger.flops)
    assert over is not None and spent / 20 <= run.limit.amount < over / 20
    assert found.notes[-1] == f"{run.limit.setting}: foreseen to buy budget={budget}; the run's own pilot decides"
    assert found.spent == f"{run.limit.setting} (budget {budget} foreseen)"


def test_a_limit_below_the_smallest_budget_is_said_and_one_that_cannot_be_foreseen_too() -> None:
    small = forecast(pocket(BestOfN(), budget=None, tokens=5))
    assert small.notes[-1].startswith("tokens=5: the smallest budget, 1, is foreseen to cost ")
    unknown = forecast(pocket(BestOfN(), generator=Wordy(), budget=None, flops=1e9))
    assert (unknown.generations, unknown.cost) == (None, None)
    assert "the FLOPs of a model in use are unknown here" in unknown.notes[-1]
    assert (
        "the length of solutions"
        in forecast(pocket(Majority(), generator=Wordy(), budget=None, tokens=9), None).notes[-1]
    )


def test_what_an_earlier_job_has_sampled_takes_no_time_where_there_is_a_store(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.sqlite"))
    large, small = (pocket(BestOfN(), budget=budget, store=store) for budget in (8, 4))
    forecaster = Forecaster(60)
    assert [forecaster.forecast(run).new_share for run in (large, small)] == [1, 0]
    forecaster = Forecaster(60)
    assert [forecaster.forecast(run).new_share for run in (small, large)] == [1, 0.5]
    for other in ({"seed": 1}, {"data": PocketDataset(limit=21)}, {"generator": VllmGenerator(temperature=0.5)}):
        assert forecaster.forecast(replace(small, **other)).new_share == 1
    without = Forecaster(60)
    assert [without.forecast(replace(run, store=None)).new_share for run in (large, small)] == [1, 1]
    assert not (tmp_path / "store.sqlite").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"budget": 10},
        {"data": PocketDataset(limit=5, shard="9/9")},
        {"data": PocketDataset(start=9999)},
        {"data": TabularDataset(path="nowhere.jsonl")},
        {"generator": VllmGenerator(max_tokens=0)},
        {"generator": VllmGenerator(max_model_len=4)},
        {"prm": None},
        {"store": SqliteStore("")},
    ],
)
def test_what_a_run_refuses_is_refused_with_the_same_line(settings: dict[str, Any], tmp_path: Path) -> None:
    run = pocket(Beam(), **settings)
    with pytest.raises(UserError) as of_run:
        execute(run, tmp_path / "run")
    with pytest.raises(UserError) as of_forecast:
        forecast(run)
    assert str(of_forecast.value) == str(of_run.value)
