"""FLOPs, or tokens, as the budget: the largest number of generations whose mean cost fits.

A pilot solves a few of the run's problems, by the run's own executor and through its store, at a handful of budgets:
the smallest that the strategy can spend, larger ones while they fit, then what lies between by interpolation. A budget
fits if the pilot's mean cost and one standard error of it do not exceed the limit: about 5 in 6 runs then fit at once.
Where the smallest may or may not fit, the run decides.

The limit holds for the run itself. If the mean over all problems exceeds it, the pilot's costs are scaled by how much
it does, and all problems are solved again at the smaller budget that then fits, until one does. Which problems a pilot
takes and what it decides depend on costs only, never on answers or on the order of finishing. FLOPs of the convention
`full` and tokens depend on what the prefix caches held, so without a store two runs may plan slightly differently.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ttc.config import MAX_BUDGET, RunConfig
from ttc.cost import CostLimit, Flops, Tokens
from ttc.data.base import subset
from ttc.errors import UserError
from ttc.execution.executor import Executor
from ttc.execution.summary import strategy_name
from ttc.progress_bar import ProgressBar
from ttc.runs.records import ProblemRecord
from ttc.strategies.base import Strategy
from ttc.types import Problem

PILOT_PROBLEMS = 16
MAX_PILOTS = 12
GROWTH = 8  # at most, from one pilot's budget to the next
RESOLUTION = 0.02  # no pilot between budgets that differ by less
SATURATION = 0.001  # a cost that grows by less has stopped growing


@dataclass(frozen=True)
class PilotCost:
    """What one pilot cost per problem: its mean over the run's problems, estimated, and the standard error of that."""

    mean: float
    error: float = 0.0

    @property
    def upper(self) -> float:
        """What must fit."""
        return self.mean + self.error

    @property
    def lower(self) -> float:
        """What must fit of the smallest budget: below it there is none to choose."""
        return self.mean - self.error


@dataclass(frozen=True)
class Plan:
    """The budget of a run that is limited by cost.

    Attributes:
        planned: the cost per problem that was foreseen.
        real: the cost per problem of the run; None: not measured yet.
        pilot_problems: how many problems the pilot solved.
        pilots: what it cost, by budget.
        exceeded: budgets at which the run cost more than the limit, with the cost per problem.
    """

    limit: CostLimit
    budget: int
    planned: float
    pilot_problems: int
    pilots: Mapping[int, PilotCost]
    real: float | None = None
    exceeded: Mapping[int, float] = field(default_factory=dict)

    def measured(self, records: Iterable[ProblemRecord]) -> Plan:
        """Return the plan with the real cost of a run."""
        return replace(self, real=mean_cost(self.limit, ((record.tokens, record.flops) for record in records)))

    @property
    def fits(self) -> bool:
        """Whether the run has been solved within the limit."""
        return self.real is not None and self.real <= self.limit.amount

    def to_json(self) -> dict[str, Any]:
        """Return the entry `plan` of summary.json; costs are those of a problem, also of one that a pilot solved."""
        return {
            "unit": self.limit.unit,
            "limit": self.limit.amount,
            "convention": self.limit.convention,
            "budget": self.budget,
            "planned": self.planned,
            "real": self.real,
            "pilot_problems": self.pilot_problems,
            "pilots": {str(budget): cost.mean for budget, cost in sorted(self.pilots.items())},
            "exceeded": {str(budget): cost for budget, cost in self.exceeded.items()},
        }

    def notes(self) -> list[str]:
        """Say which budgets were given up after all problems had been solved."""
        return [
            f"budget {budget} cost {self.limit.shown(cost)} per problem, more than {self.limit.setting}: all "
            "problems were solved again with less"
            for budget, cost in self.exceeded.items()
        ]


class Planner:
    """Finds the budget of a run that is limited by cost."""

    def __init__(self, config: RunConfig, executor: Executor, problems: Sequence[Problem]) -> None:
        """Choose the pilot's problems: by level in the proportions of the run's.

        Raises:
            UserError: the limit is of FLOPs, and those of a model in use are unknown.
        """
        assert config.limit is not None
        self._config, self._executor, self._limit = config, executor, config.limit
        self._problems = len(problems)
        self._pilot = subset(problems, PILOT_PROBLEMS, config.data.seed)
        unknown = executor.ledger.generator is None or (
            config.verifier is not None and executor.ledger.verifier is None
        )
        if self._limit.convention is not None and unknown:
            raise UserError(
                f"{self._limit.setting}: the sizes of a model in use are unknown, and so are its FLOPs; use tokens=, "
                "e.g. tokens=5000."
            )

    def plan(self) -> Plan:
        """Return the plan of the largest budget that fits.

        Raises:
            UserError: none does.
        """
        pilots = search(self._config.strategy, self._limit.amount, self._measure)
        smallest = min(pilots)
        if pilots[smallest].lower > self._limit.amount:
            raise self._too_low(smallest, pilots[smallest].mean, pilots[smallest].upper)
        # Where not even the smallest surely fits, the run decides.
        budget = max((b for b, cost in pilots.items() if cost.upper <= self._limit.amount), default=smallest)
        return Plan(self._limit, budget, pilots[budget].mean, len(self._pilot), pilots)

    def lowered(self, plan: Plan) -> Plan:
        """Return the plan of a smaller budget, after a run that exceeded the limit.

        Raises:
            UserError: there is no smaller one.
        """
        assert plan.real is not None
        curve = {budget: cost.mean for budget, cost in plan.pilots.items()}
        scale = plan.real / max(interpolated(curve, plan.budget), 1.0)
        smallest = min(curve)
        if plan.budget == smallest:
            raise self._too_low(smallest, plan.real, plan.real)
        below = min(math.floor(inverse(curve, self._limit.amount / scale)), plan.budget - 1)
        budget = max(self._config.strategy.largest_spendable(below), smallest)
        return replace(
            plan,
            budget=budget,
            planned=scale * interpolated(curve, budget),
            real=None,
            exceeded={**plan.exceeded, plan.budget: plan.real},
        )

    def _measure(self, budget: int) -> PilotCost:
        """Solve the pilot's problems."""
        self._config.check_fit(budget)
        costs: dict[str, int] = {}
        title = f"planning, {len(self._pilot)} problems at budget {budget}"
        with ProgressBar(title, len(self._pilot), log_seconds=math.inf) as bar:
            self._executor.on_poll = lambda: bar.show(len(costs)) if bar.is_due else None
            for outcome in self._executor.solve(self._pilot, budget):
                cost = self._limit.cost(outcome.tokens, outcome.flops)
                assert cost is not None, "the shapes of the models are known"
                costs[outcome.problem.id] = cost
        return pilot_cost([(problem.level, costs[problem.id]) for problem in self._pilot], self._problems)

    def _too_low(self, budget: int, cost: float, enough: float) -> UserError:
        generations = "one generation" if budget == 1 else f"{budget} generations, the fewest,"
        return UserError(
            f"{self._limit.setting}: {generations} of {strategy_name(self._config.strategy)} cost"
            f"{'s' * (budget == 1)} about {self._limit.shown(cost)} per problem; use at least "
            f"{replace(self._limit, amount=rounded_up(enough)).setting}."
        )


def search(strategy: Strategy, limit: float, measure: Callable[[int], PilotCost]) -> dict[int, PilotCost]:
    """Measure budgets until the largest that fits is known; return what was measured, the smallest budget first.

    The search is over the budgets that the strategy can spend. At most `MAX_PILOTS` are measured. It also ends where
    twice the budget costs no more: the strategy stops by itself, and a larger budget would be spent only on problems
    that never settle, which a pilot may not have seen.
    """
    lowest = strategy.smallest_spendable()
    found = {lowest: measure(lowest)}
    while len(found) < MAX_PILOTS and (budget := _next(strategy, limit, found)):
        cost, last = measure(budget), max(found)
        if budget >= 2 * last and cost.mean <= found[last].mean * (1 + SATURATION):
            break
        found[budget] = cost
    return dict(sorted(found.items()))


def _next(strategy: Strategy, limit: float, found: Mapping[int, PilotCost]) -> int:
    """Return the budget to measure next; 0 when there is none."""
    costs = {budget: cost.upper for budget, cost in sorted(found.items())}
    above = min((budget for budget, cost in costs.items() if cost > limit), default=None)
    fitting = [budget for budget in costs if above is None or budget < above]
    if not fitting or (above is not None and above <= fitting[-1] * (1 + RESOLUTION)):
        return 0
    last = fitting[-1]
    end = MAX_BUDGET if above is None else above - 1
    guess = _foreseen(costs, limit, last, above)
    budget = strategy.largest_spendable(min(guess, end))
    return budget if budget > last else strategy.smallest_spendable(last + 1, min(GROWTH * last + GROWTH, end))


def _foreseen(costs: Mapping[int, float], limit: float, last: int, above: int | None) -> int:
    """Return where the costs reach the limit: on the line through the neighbours, or beyond the last pilot.

    Beyond, the line is that through the last two pilots; after the first one, the one through 0.
    """
    if above is not None:
        slope = (costs[above] - costs[last]) / (above - last)
    else:
        before = max((budget for budget in costs if budget < last), default=0)
        slope = (costs[last] - costs.get(before, 0.0)) / (last - before)
    spare = limit - costs[last]
    return last + int(min(spare / slope, (GROWTH - 1) * last)) if slope > 0 else GROWTH * last


def pilot_cost(costs: Sequence[tuple[int | None, int]], problems: int) -> PilotCost:
    """Estimate the mean over all problems from a stratified sample of (level, cost).

    The error is that of the mean of a sample without replacement, from the spread within levels.
    """
    levels: dict[int | None, list[int]] = defaultdict(list)
    for level, cost in costs:
        levels[level].append(cost)
    count = len(costs)
    strata = list(levels.values()) if len(levels) < count else [[cost for _, cost in costs]]
    squares = math.fsum((cost - sum(members) / len(members)) ** 2 for members in strata for cost in members)
    variance = squares / max(count - len(strata), 1)
    return PilotCost(
        sum(cost for _, cost in costs) / count, math.sqrt(variance / count * max(1 - count / problems, 0.0))
    )


def mean_cost(limit: CostLimit, costs: Iterable[tuple[Tokens, Flops]]) -> float:
    """Return the mean of the limited cost; infinite if one is unknown."""
    amounts = [limit.cost(tokens, flops) for tokens, flops in costs]
    return sum(math.inf if amount is None else amount for amount in amounts) / len(amounts)


def interpolated(curve: Mapping[int, float], budget: int) -> float:
    """Return the cost at a budget within the curve, linear between its points."""
    if budget in curve:
        return curve[budget]
    left, right = max(b for b in curve if b < budget), min(b for b in curve if b > budget)
    return curve[left] + (curve[right] - curve[left]) * (budget - left) / (right - left)


def inverse(curve: Mapping[int, float], cost: float) -> float:
    """Return the largest budget within the curve at which the cost is not exceeded; its first, if it always is."""
    for left, right in reversed([*pairwise(sorted(curve))]):
        if curve[right] <= cost:
            return float(right)
        if curve[left] <= cost:
            return left + (right - left) * (cost - curve[left]) / (curve[right] - curve[left])
    return float(min(curve))


def rounded_up(amount: float) -> float:
    """Return a number of two digits that is not below the amount."""
    unit = 10.0 ** (math.floor(math.log10(amount)) - 1)
    return math.ceil(amount / unit) * unit
