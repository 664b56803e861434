"""FLOPs and tokens as the budget: the limit is kept, and what it allows is used."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

import pytest
from wordy import Setting, Wordy, config, problems, solving, true_cost

from ttc.config import RunConfig
from ttc.cost import CostLimit, Flops, FlopsConvention, Tokens
from ttc.errors import UserError
from ttc.execution.planning import (
    MAX_PILOTS,
    PilotCost,
    Plan,
    Planner,
    interpolated,
    inverse,
    pilot_cost,
    rounded_up,
    search,
)
from ttc.execution.pool import open_executor, shutdown_workers
from ttc.grading import Grader
from ttc.strategies.adaptive import AdaptiveConsistency
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.revisions import Revisions
from ttc.types import Problem


def test_the_limit_is_kept_and_used_over_200_random_settings(tmp_path: Path) -> None:
    next_costs: list[float] = []  # of the next larger budget, as a share of the limit
    too_low = 0
    solved_again = 0
    with Grader() as grader:
        for seed in range(200):
            setting = Setting.draw(seed)
            limit, strategy = setting.config.limit, setting.config.strategy
            assert limit is not None
            try:
                with solving(tmp_path, grader) as solve:
                    plan = solve(setting.config, setting.problems).plan
            except UserError as error:
                assert "use at least" in str(error)
                # A pilot's estimate may be one standard error too high.
                assert true_cost(setting.config, setting.problems, strategy.smallest_spendable()) > 0.7 * limit.amount
                too_low += 1
                continue
            assert plan is not None and plan.real is not None
            assert plan.real <= limit.amount, (seed, plan)
            assert plan.real == true_cost(setting.config, setting.problems, plan.budget)
            assert len(plan.pilots) <= MAX_PILOTS
            solved_again += bool(plan.exceeded)
            if not isinstance(strategy, AdaptiveConsistency):  # it stops by itself
                larger = strategy.smallest_spendable(plan.budget + 1)
                next_costs.append(true_cost(setting.config, setting.problems, larger) / limit.amount)
    assert too_low < 40 and solved_again < 20  # of 200
    assert min(next_costs) > 0.75
    assert statistics.quantiles(next_costs, n=10)[0] > 0.95


def planned(settings: RunConfig, asked: list[Problem]) -> Plan:
    with open_executor(settings, len(asked)) as executor:
        return Planner(settings, executor, asked).plan()


def test_the_plan_does_not_depend_on_workers_nor_on_the_order_of_the_problems() -> None:
    asked = problems(30)
    settings = config(BestOfN(), flops=2e6)
    one = planned(settings, asked)
    try:
        assert planned(config(BestOfN(), flops=2e6, workers=2), asked) == one
    finally:
        shutdown_workers()
    assert planned(settings, asked[::-1]).budget == one.budget
    assert 1 < one.budget < 100 and one.pilot_problems == 16 and min(one.pilots) == 1


def test_workers_solve_within_the_limit_as_one_process_does(tmp_path: Path) -> None:
    asked = problems(12)
    try:
        with Grader() as grader, solving(tmp_path, grader) as solve:
            shared, alone = (solve(config(Beam(width=2), tokens=900, workers=n), asked).plan for n in (2, 1))
    finally:
        shutdown_workers()
    assert shared == alone and alone.fits


def test_a_run_that_exceeds_the_limit_is_solved_again_with_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = problems(40)
    cheap = [problem for problem in asked if problem.level == 1]
    monkeypatch.setattr("ttc.execution.planning.subset", lambda problems, limit, seed: cheap)
    settings = config(BestOfN(), tokens=600)
    with Grader() as grader, solving(tmp_path, grader) as solve:
        plan = solve(settings, asked).plan
    assert 1 <= len(plan.exceeded) <= 2 and all(cost > 600 for cost in plan.exceeded.values())
    assert 600 >= plan.real > 500 and plan.budget < min(plan.exceeded)
    assert plan.planned == pytest.approx(plan.real, rel=0.1)
    first = max(plan.exceeded)
    assert plan.notes()[0].startswith(f"budget {first} cost ") and "more than tokens=600" in plan.notes()[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == []  # no draft is left


def test_a_limit_below_the_smallest_budget_is_one_line_that_says_what_is_enough() -> None:
    with pytest.raises(UserError) as caught:
        planned(config(BestOfN(), flops=10.0), problems(20))
    assert str(caught.value).startswith("flops=10: one generation of best_of_n costs about ")
    enough = float(str(caught.value).rpartition("flops=")[2].rstrip("."))
    assert planned(config(BestOfN(), flops=enough), problems(20)).budget == 1
    with pytest.raises(
        UserError, match=r"tokens=3: 128 generations, the fewest, of revisions cost about [\d,]+ tokens"
    ):
        planned(config(Revisions("easy"), tokens=3), problems(2))


def test_unknown_sizes_of_a_model_in_use_leave_tokens_as_the_remedy() -> None:
    unsized = Wordy("verifier", sized=False)
    with pytest.raises(UserError, match=r"flops=3e\+09: the sizes of a model in use are unknown.*; use tokens="):
        planned(config(BestOfN(), prm=unsized, flops=3e9), problems(3))
    assert planned(config(BestOfN(), prm=unsized, tokens=500), problems(3)).budget > 1
    assert planned(config(Majority(), prm=unsized, flops=1e6), problems(3)).budget > 1  # asks for no scores


def test_a_limit_of_tokens_counts_what_was_computed_by_either_model() -> None:
    limit = CostLimit(100)
    assert limit.cost(Tokens(prompt=1, cached=10, decoded=2, prm=4, prm_cached=20), Flops()) == 7
    assert CostLimit(1e9, FlopsConvention.paper).cost(Tokens(), Flops(paper=5, full=6)) == 5
    assert CostLimit(1e9, FlopsConvention.full).cost(Tokens(), Flops()) is None


@pytest.mark.parametrize("power", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("strategy", [BestOfN(), Beam(width=4), Beam(width=None), Revisions("4:1")])
@pytest.mark.parametrize("limit", [10.0, 77.0, 1234.0])
def test_a_handful_of_pilots_finds_the_largest_budget_that_fits(strategy: Strategy, power: float, limit: float) -> None:
    def measure(budget: int) -> PilotCost:
        strategy.check(budget)  # only what can be spent is measured
        return PilotCost(5 + 0.7 * budget**power)

    found = search(strategy, limit, measure)
    fitting = [budget for budget, cost in found.items() if cost.upper <= limit]
    assert len(found) <= 10
    best = strategy.largest_spendable(math.floor(((limit - 5) / 0.7) ** (1 / power)))
    assert not best or 0.95 * best <= max(fitting) <= best


def test_a_limit_that_no_budget_reaches_is_searched_up_to_the_largest() -> None:
    assert max(search(BestOfN(), 1e9, lambda budget: PilotCost(budget))) == 2**20


def test_a_strategy_that_stops_by_itself_gets_no_budget_far_above_what_it_spends() -> None:
    asked = problems(12)
    agreeing = planned(config(AdaptiveConsistency(), flops=1e9), asked)  # every answer is the same
    assert 4 <= agreeing.budget <= 64 and len(agreeing.pilots) <= 4
    assert max(search(AdaptiveConsistency(), 1e9, lambda budget: PilotCost(min(budget, 20)))) <= 64


def test_a_smallest_budget_that_may_fit_is_left_to_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = problems(40)
    true = true_cost(config(BestOfN(), tokens=1), asked, 1)
    monkeypatch.setattr("ttc.execution.planning.pilot_cost", lambda costs, problems: PilotCost(1.1 * true, 0.2 * true))
    with Grader() as grader, solving(tmp_path, grader) as solve:
        assert solve(config(BestOfN(), tokens=math.ceil(true)), asked).plan.budget == 1
        with pytest.raises(UserError, match="one generation of best_of_n costs about"):
            solve(config(BestOfN(), tokens=math.floor(0.95 * true)), asked)
        with pytest.raises(UserError, match="one generation of best_of_n costs about"):
            planned(config(BestOfN(), tokens=math.floor(0.8 * true)), asked)


def test_the_error_of_a_pilot_is_that_of_a_stratified_sample_without_replacement() -> None:
    found = pilot_cost([(1, 10), (1, 14), (2, 30), (2, 34)], problems=8)
    variance = (4 + 4 + 4 + 4) / (4 - 2)
    assert found.mean == 22 and found.error == pytest.approx(math.sqrt(variance / 4 * (1 - 4 / 8)))
    assert pilot_cost([(1, 10), (2, 14)], problems=2).error == 0  # all problems
    assert pilot_cost([(1, 10), (2, 14)], problems=4).error == pytest.approx(math.sqrt(8 / 2 * 0.5))  # one a level


def test_interpolation_and_its_inverse_agree() -> None:
    curve: Mapping[int, float] = {1: 10.0, 8: 45.0, 27: 100.0}
    assert [interpolated(curve, n) for n in (1, 8, 27)] == [10, 45, 100]
    assert interpolated(curve, 4) == 25 and inverse(curve, 25) == 4
    assert (inverse(curve, 3), inverse(curve, 1000)) == (1, 27)


@pytest.mark.parametrize(("amount", "found"), [(4.21e7, 4.3e7), (100.0, 100.0), (101.0, 110.0), (0.234, 0.24)])
def test_what_is_enough_has_two_digits_and_is_not_less(amount: float, found: float) -> None:
    assert rounded_up(amount) == pytest.approx(found)
