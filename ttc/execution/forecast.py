"""What a run will take, before it starts: generations, tokens, FLOPs and memory. Nothing is loaded or sampled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ttc.config import RunConfig
from ttc.engines.memory import ModelMemory, memory_of
from ttc.engines.shapes import checkpoints_of, foreseen_shape
from ttc.execution.choosing import ChosenProblems, choose_problems
from ttc.execution.foreseen_costs import REHEARSED, ForeseenCost, Lengths, Models, foreseen_cost
from ttc.execution.foreseen_lengths import Prompts, Solutions, generator_prompts, solutions_of, verifier_prompts
from ttc.execution.planning import PilotCost, search
from ttc.execution.summary import strategy_name
from ttc.execution.workload import Rehearsal
from ttc.strategies.controller import Controller

REHEARSALS = 4  # problems, over which what runs share is averaged


@dataclass(frozen=True)
class Forecast:
    """What one run will take, of all its problems together.

    Attributes:
        strategy: its name.
        data: their name.
        spent: the budget of a problem, for people.
        chosen: the run's problems.
        generations: of all problems; None: a pilot plans them, and what they cost is not known here.
        may_spend_less: whether generations and costs are upper bounds, because the strategy decides as it goes.
        cost: tokens and FLOPs; None where no length of solutions is known, or no budget.
        new_share: the part of the decoded tokens that no earlier job of the sweep has sampled.
        memory: of each checkpoint that is loaded here.
        unsized: the models whose shape is unknown, each after its part: `generator some/model`.
        solutions: how long they are.
        prompts: how long the generator's are.
        notes: what the numbers rest on.
    """

    strategy: str
    data: str
    spent: str
    chosen: ChosenProblems
    generations: int | None
    may_spend_less: bool
    cost: ForeseenCost | None
    new_share: float
    memory: tuple[ModelMemory, ...]
    unsized: tuple[str, ...]
    solutions: Solutions
    prompts: Prompts
    notes: tuple[str, ...]

    def decoding_hours(self, tokens_per_second: float) -> float | None:
        """Return the hours at so many decoded tokens per second; None where the tokens are unknown."""
        return None if self.cost is None else self.cost.tokens.decoded * self.new_share / tokens_per_second / 3600


@dataclass
class Forecaster:
    """Forecasts the runs of a sweep, in order: what they sample alike is sampled once where there is a store.

    Attributes:
        tokens_per_generation: None: the store or the generator's limit tells.
    """

    tokens_per_generation: int | None = None
    _lengths: dict[str, Solutions] = field(default_factory=dict)
    _rehearsal: Rehearsal = field(default_factory=lambda: Rehearsal(repetition=0.0))

    def forecast(self, config: RunConfig) -> Forecast:
        """Make every check that a run makes before weights load, and return what it will take.

        Raises:
            UserError: for whatever is wrong with the config or the data.
        """
        chosen = choose_problems(config)
        solutions = self._solutions(config)
        prompts = generator_prompts(config.generator, chosen.problems)
        asked = None if config.verifier is None else verifier_prompts(config.verifier, chosen.problems)
        parts = {"generator": config.generator, "prm": config.verifier}
        shapes = {group: foreseen_shape(part) for group, part in parts.items() if part is not None}
        costs = _Costs(config, solutions, prompts, asked, Models(shapes["generator"], shapes.get("prm")))
        budgets, planned = _budgets(config, chosen, costs)
        generations = sum(budget * count for budget, count in budgets.items()) if budgets else None
        return Forecast(
            strategy=strategy_name(config.strategy),
            data=config.data.name,
            spent=_spent(config, budgets),
            chosen=chosen,
            generations=generations,
            may_spend_less=config.strategy.counts_votes or isinstance(config.strategy, Controller),
            cost=costs.total(budgets),
            new_share=self._new_share(config),
            memory=tuple(map(memory_of, checkpoints_of(config.generator, config.verifier))),
            unsized=tuple(f"{group} {part.name}" for group, part in parts.items() if part and shapes[group] is None),
            solutions=solutions,
            prompts=prompts,
            notes=(*_strategy_notes(config), *planned),
        )

    def _solutions(self, config: RunConfig) -> Solutions:
        """Return the length of a run's solutions; jobs that share it read the store once."""
        key = f"{config.generator!r} {config.data!r} {config.store!r}"
        if key not in self._lengths:
            self._lengths[key] = solutions_of(config, self.tokens_per_generation)
        return self._lengths[key]

    def _new_share(self, config: RunConfig) -> float:
        """Return the part of a run's steps that no earlier run has sampled for the same problems."""
        budget = config.budget
        if config.store is None or budget is None or budget > REHEARSED:
            return 1.0
        scope = (config.generator.fingerprint(), config.seed, repr(config.data), repr(config.store))
        works = [self._rehearsal.follow(config.strategy, budget, (*scope, number)) for number in range(REHEARSALS)]
        return sum(work.new_steps for work in works) / max(sum(work.steps for work in works), 1)


@dataclass(frozen=True)
class _Costs:
    """What problems of one run cost, by budget."""

    config: RunConfig
    solutions: Solutions
    prompts: Prompts
    asked: Prompts | None
    models: Models

    def of(self, budget: int) -> ForeseenCost | None:
        """Return what one problem costs; None where no length of solutions is known."""
        if self.solutions.tokens is None:
            return None
        asked = self.asked or Prompts(0)
        lengths = Lengths(
            prompt=self.prompts.tokens,
            solution=self.solutions.tokens,
            verifier_prompt=asked.tokens,
            verifier_closing=asked.closing,
            verifier_caches=asked.caches,
            verifier_sees_attempts=asked.sees_attempts,
            block=self.prompts.block,
            verifier_block=asked.block,
        )
        return foreseen_cost(self.config.strategy, budget, lengths, self.models)

    def total(self, budgets: Counter[int]) -> ForeseenCost | None:
        """Return what so many problems of each budget cost; None where that is unknown."""
        parts = [(self.of(budget), count) for budget, count in budgets.items()]
        known = [cost.times(count) for cost, count in parts if cost is not None]
        return sum(known[1:], known[0]) if known and len(known) == len(parts) else None


def _budgets(config: RunConfig, chosen: ChosenProblems, costs: _Costs) -> tuple[Counter[int], list[str]]:
    """Return how many problems have which budget, and a note where a pilot will plan it; empty: it cannot be foreseen.

    Raises:
        UserError: the strategy was not made for the budget that is foreseen.
    """
    limit = config.limit
    if limit is None:
        return Counter(config.budget_of(problem.id) for problem in chosen.problems), []
    smallest = config.strategy.smallest_spendable()
    first = costs.of(smallest)
    if first is None or limit.cost(first.tokens, first.flops) is None:
        what = "the length of solutions" if first is None else "the FLOPs of a model in use"
        return Counter(), [f"{limit.setting}: the budget that it buys is unknown, as {what} are unknown here"]

    def measure(budget: int) -> PilotCost:
        config.check_fit(budget)
        cost = costs.of(budget)
        amount = None if cost is None else limit.cost(cost.tokens, cost.flops)
        assert amount is not None, "it is known of the smallest budget"
        return PilotCost(float(amount))

    found = search(config.strategy, limit.amount, measure)
    fitting = [budget for budget, cost in found.items() if cost.upper <= limit.amount]
    if not fitting:
        enough = limit.shown(found[smallest].mean)
        return Counter({smallest: len(chosen.problems)}), [
            f"{limit.setting}: the smallest budget, {smallest}, is foreseen to cost {enough} per problem, which is more"
        ]
    budget = max(fitting)
    return Counter({budget: len(chosen.problems)}), [
        f"{limit.setting}: foreseen to buy budget={budget}; the run's own pilot decides"
    ]


def _spent(config: RunConfig, budgets: Counter[int]) -> str:
    if config.limit is not None:
        return f"{config.limit.setting}{f' (budget {min(budgets)} foreseen)' if budgets else ''}"
    if config.budgets is None:
        return f"budget {config.budget}"
    mean = sum(budget * count for budget, count in budgets.items()) / sum(budgets.values())
    return f"budget {round(mean)} on average (budget_table)"


def _strategy_notes(config: RunConfig) -> list[str]:
    name = strategy_name(config.strategy)
    workers = [f"each of workers={config.workers} processes loads its own weights"] if config.workers > 1 else []
    return [*_route_notes(config, name), *workers]


def _route_notes(config: RunConfig, name: str) -> list[str]:
    if isinstance(config.strategy, Controller):
        return [f"{name} chooses a strategy for each problem: the numbers are those of the costliest for all of them"]
    if config.strategy.counts_votes:
        return [f"{name} stops where the vote is settled: the numbers are those of problems that spend all"]
    return []
