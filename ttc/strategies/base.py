"""What a strategy is: its settings as fields, and a flow that spends a budget of generations on one problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from ttc.errors import UserError
from ttc.models import ModelId
from ttc.selection import SelectionRule
from ttc.strategies.flows import sample, side_by_side
from ttc.types import Candidate, Flow, Problem, Trace

SEARCHED = 4096  # budgets, for the smallest that can be spent


@dataclass
class Strategy(ABC):
    """A way to spend a budget of generations on one problem.

    A subclass is a dataclass whose fields are the keys of its YAML file. It never calls a model: `solve` yields
    requests and receives replies, so it is tested by sending it replies by hand.

    Attributes:
        needs_verifier: the flow asks for scores.
        independent_samples: the candidates are independent samples of whole solutions, so that their mean correctness
            is pass@1 and their subsets are what smaller budgets would have drawn.
        continues_samples: `solve_after` goes on from the samples that it is given.
        counts_votes: the flow reads the answers of its samples, as `grader=math` does.
    """

    needs_verifier: ClassVar[bool] = True
    independent_samples: ClassVar[bool] = False
    continues_samples: ClassVar[bool] = False
    counts_votes: ClassVar[bool] = False

    @property
    def has_chains(self) -> bool:
        """Whether candidates carry the number of the chain of revisions that they belong to."""
        return False

    @property
    def scores_every_step(self) -> bool:
        """Whether candidates carry a value for each step, which aggregations other than `last` need."""
        return True

    def check(self, budget: int) -> None:
        """Refuse settings that cannot work, and a budget that cannot be spent exactly.

        Raises:
            UserError: with the rule, and the nearest budgets that work.
        """
        if budget < 1:
            raise UserError(f"budget={budget} must be at least 1; use e.g. budget=16.")

    def check_fit(self, budget: int, selection: SelectionRule, generator: ModelId, verifier: ModelId | None) -> None:
        """Refuse a run that the settings were not made for. It is called after `check`, before weights load.

        Raises:
            UserError: with what the settings were made for.
        """

    def file_digests(self) -> Mapping[str, str]:
        """Return a digest of each file that a setting names: results depend on what it says, not on its name."""
        return {}

    def largest_spendable(self, at_most: int) -> int:
        """Return the largest budget up to `at_most` that can be spent exactly; 0 where there is none.

        A subclass that spends few budgets should compute it: this tries them one by one.
        """
        return next((budget for budget in range(at_most, 0, -1) if self._can_spend(budget)), 0)

    def smallest_spendable(self, at_least: int = 1, at_most: int = SEARCHED) -> int:
        """Return the smallest budget from `at_least` to `at_most` that can be spent exactly; 0 where there is none."""
        return next((budget for budget in range(at_least, at_most + 1) if self._can_spend(budget)), 0)

    def _can_spend(self, budget: int) -> bool:
        try:
            self.check(budget)
        except UserError:
            return False
        return True

    @abstractmethod
    def solve(self, problem: Problem, budget: int) -> Flow:
        """Spend `budget` generations on the problem and return the candidates."""

    def solve_after(self, problem: Problem, budget: int, samples: Sequence[Candidate]) -> Flow:
        """Spend `budget` more generations after independent samples of whole solutions; return these and the others.

        By default the strategy begins at the problem and spends the largest budget that it can; independent samples,
        which are not scored, spend what is left.
        """
        spent = self.largest_spendable(budget)
        rest = parallel_samples(problem, budget - spent)
        parts = yield from side_by_side([self.solve(problem, spent), rest])
        return [*samples, *(candidate for part in parts for candidate in part)]


def parallel_samples(problem: Problem, count: int) -> Flow:
    """Sample whole solutions and do not score them."""
    traces = (yield from sample([Trace(problem)] * count)) if count else []
    return [Candidate(trace) for trace in traces]


def config_of(strategy: Strategy) -> dict[str, Any]:
    """Return a strategy's class, as `_target_`, and its settings: what its config would say."""
    kind = type(strategy)
    parts = {field.name: getattr(strategy, field.name) for field in fields(strategy)}
    nested = {name: config_of(part) for name, part in parts.items() if isinstance(part, Strategy)}
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **asdict(strategy), **nested}
