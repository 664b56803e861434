"""FLOPs and tokens as the budget: the limit is kept, and what it allows is used."""

from __future__ import annotations

import contextlib
import json
import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scripted import ScriptedEngine

from ttc.config import RunConfig
from ttc.cost import CostLimit, Flops, FlopsConvention, ModelShape, Tokens
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.base import Draw, Generator, Verifier
from ttc.errors import UserError
from ttc.execution.executor import LocalExecutor
from ttc.execution.identity import identity_of
from ttc.execution.planning import (
    MAX_PILOTS,
    PilotCost,
    Plan,
    Planner,
    interpolated,
    inverse,
    mean_cost,
    pilot_cost,
    rounded_up,
    search,
)
from ttc.execution.pool import open_executor, shutdown_workers
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.solving import Solved, solve_within_limit
from ttc.grading import Grader
from ttc.hashing import seed_of
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.adaptive import AdaptiveConsistency
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.dvts import Dvts
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.mcts import Mcts
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.particles import Particles
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold
from ttc.types import FinishReason, Problem, Reply, Request, Sample, Step

SHAPE = ModelShape(params=1000, params_non_embedding=700, layers=3, hidden=8, params_head=150)
STRATEGIES: list[Callable[[], Strategy]] = [
    BestOfN,
    Majority,
    lambda: BestOfN(step_values=True),
    Beam,
    lambda: Beam(width=None),
    lambda: Dvts(width=2),
    lambda: Lookahead(k=1, width=2),
    Particles,
    Mcts,
    AdaptiveConsistency,
    Revisions,
    lambda: Revisions("4:1"),
    lambda: Revisions("sequential"),
    lambda: Threshold(probes=2),
]


@dataclass
class Wordy(Generator, Verifier):
    """A generator and verifier whose solutions have 1 to 5 steps of about `length` tokens, longer at higher levels."""

    model: str = "wordy"
    length: int = 10
    spread: float = 0.5
    sized: bool = True  # its shape is known

    @property
    def name(self) -> str:
        return self.model

    def start(self) -> ScriptedEngine:
        engine = ScriptedEngine(self.reply, per_poll=10_000)
        engine.shape = SHAPE if self.sized else None
        return engine

    def reply(self, request: Request, draw: Draw) -> Reply:
        rng = random.Random(seed_of(request, draw, self.length))
        if not isinstance(request, Sample):
            return rng.random()
        trace = request.trace
        level = trace.problem.level or 3
        for _ in range(request.max_steps or 20):
            words = max(1, round(self.length * level / 3 * math.exp(rng.gauss(0, self.spread))))
            ends = rng.random() < 0.35 or len(trace.steps) > 4
            text = "The answer is $\\boxed{2}$." if ends else f"step {rng.random()}\n"
            trace = trace.extended((Step(text, (7,) * words),), FinishReason.STOP if ends else FinishReason.STEP)
            if ends:
                break
        return trace


def problems(count: int, levels: bool = True) -> list[Problem]:
    return [Problem(f"p{n}", f"{n}?", "2", level=1 + n % 5 if levels else None) for n in range(count)]


def config(strategy: Strategy, **settings: Any) -> RunConfig:
    parts: dict[str, Any] = {
        **{"generator": Wordy(), "prm": Wordy("verifier"), "data": PocketDataset(), "difficulty": OracleDifficulty()},
        "selection": SelectionRule.weighted if strategy.needs_verifier else SelectionRule.majority,
    }
    return RunConfig(strategy=strategy, **{**parts, **settings})


@contextlib.contextmanager
def solving(directory: Path, grader: Grader) -> Any:
    """Provide a function that solves all problems within the limit of a config."""
    builder = RecordBuilder(SelectionRule.majority, Aggregation.last)
    with contextlib.ExitStack() as stack:

        def solve(settings: RunConfig, asked: list[Problem]) -> Solved:
            executor = stack.enter_context(open_executor(settings, len(asked)))
            return solve_within_limit(settings, executor, asked, lambda: Recorder(directory, builder, grader), stack)

        yield solve


def true_cost(settings: RunConfig, asked: list[Problem], budget: int) -> float:
    """Return the mean cost of solving all problems at a budget."""
    assert settings.limit is not None
    outcomes = LocalExecutor(settings, None).solve(asked, budget)
    return mean_cost(settings.limit, ((outcome.tokens, outcome.flops) for outcome in outcomes))


@dataclass
class Setting:
    """A random run that is limited by cost."""

    config: RunConfig
    problems: list[Problem]

    @classmethod
    def draw(cls, seed: int) -> Setting:
        rng = random.Random(seed)
        strategy = STRATEGIES[seed % len(STRATEGIES)]()
        asked = problems(rng.randrange(2, 41), levels=rng.random() < 0.8)
        wordy = Wordy(length=rng.choice([1, 5, 20]), spread=rng.choice([0.0, 0.3, 0.8]))
        generations = 12 ** rng.uniform(0.1, 1.1)
        tokens = 2.5 * wordy.length * generations
        kind = rng.choice(["tokens", "full", "paper"])
        limit: dict[str, Any] = (
            {"tokens": max(1, round(tokens))}
            if kind == "tokens"
            else {"flops": 2000 * tokens, "flops_convention": FlopsConvention(kind)}
        )
        return cls(config(strategy, generator=wordy, seed=seed, **limit), asked)


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


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"flops": 0.0}, "flops=0.0: must be a number above 0"),
        ({"flops": -1e9}, "flops=-1000000000.0: must be a number above 0"),
        ({"flops": math.nan}, "flops=nan: must be a number above 0"),
        ({"flops": math.inf}, "flops=inf: must be a number above 0"),
        ({"tokens": 0}, "tokens=0: must be at least 1 token"),
        ({"budget": 64, "flops": 3e9}, "budget=64 and flops=3000000000.0: a run has one budget"),
        ({"tokens": 5, "budget_table": "x.json"}, "tokens=5 and budget_table=x.json: a run has one budget"),
    ],
)
def test_an_impossible_limit_or_two_budgets_are_refused_at_once(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(BestOfN(), **settings)


def test_a_table_gives_each_problem_its_budget(tmp_path: Path) -> None:
    asked = problems(4)
    file = tmp_path / "budgets.json"
    file.write_text(json.dumps({"budgets": {problem.id: n + 1 for n, problem in enumerate(asked)}}))
    settings = config(BestOfN(), budget_table=str(file), workers=2)
    settings.check_problems(asked)
    try:
        for run in (settings, config(BestOfN(), budget_table=str(file))):
            with open_executor(run, len(asked)) as executor:
                found = {outcome.problem.id: len(outcome.candidates) for outcome in executor.solve(asked)}
            assert found == {"p0": 1, "p1": 2, "p2": 3, "p3": 4}
    finally:
        shutdown_workers()
    assert identity_of(settings) != identity_of(config(BestOfN()))


def test_a_table_that_does_not_fit_the_run_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "budgets.json"
    other = {"name": "other", "fingerprint": "f", "parameters": None}
    file.write_text(json.dumps({"budgets": {"p0": 6}, "generator": other}))
    with pytest.raises(UserError, match=r"budget_table=.*: 1 of 2 problems are not in the table, e\.g\. 'p1'"):
        config(BestOfN(), budget_table=str(file)).check_problems(problems(2))
    with pytest.raises(UserError, match=r"budget_table=.*: budget=6 is not a multiple of width=4; use 4 or 8"):
        config(Beam(), budget_table=str(file)).check()
    with pytest.raises(UserError, match=r"generator=wordy: budget_table=.* was made with other; use that"):
        config(BestOfN(), budget_table=str(file)).check()


def test_settings_that_cannot_work_are_refused_before_any_pilot() -> None:
    with pytest.raises(UserError, match=r"strategy\.rounds=0 must be at least 1"):
        config(Beam(rounds=0), flops=3e9, data=PocketDataset(limit=5)).check()


def test_a_run_is_identified_by_its_limit_and_one_with_a_budget_as_before() -> None:
    identities = [
        identity_of(config(BestOfN(), **settings))
        for settings in ({}, {"flops": 3e9}, {"flops": 1e9}, {"flops": 3e9, "flops_convention": "paper"}, {"tokens": 7})
    ]
    assert len(set(identities)) == 5
    assert identity_of(config(BestOfN(), budget=64)) == identities[0]
