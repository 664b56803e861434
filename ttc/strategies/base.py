"""What a strategy is: its settings as fields, and a flow that spends a budget of generations on one problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ttc.errors import UserError
from ttc.types import Flow, Problem


@dataclass
class Strategy(ABC):
    """A way to spend a budget of generations on one problem.

    A subclass is a dataclass whose fields are the keys of its YAML file. It never calls a model: `solve` yields
    requests and receives replies, so it is tested by sending it replies by hand.

    Attributes:
        needs_verifier: the flow asks for scores.
        independent_samples: the candidates are independent samples of whole solutions, so that their mean correctness
            is pass@1 and their subsets are what smaller budgets would have drawn.
        has_chains: candidates carry the number of the chain of revisions that they belong to.
    """

    needs_verifier: ClassVar[bool] = True
    independent_samples: ClassVar[bool] = False
    has_chains: ClassVar[bool] = False

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

    @abstractmethod
    def solve(self, problem: Problem, budget: int) -> Flow:
        """Spend `budget` generations on the problem and return the candidates."""


def config_of(strategy: Strategy) -> dict[str, Any]:
    """Return a strategy's class, as `_target_`, and its settings: what its config would say."""
    kind = type(strategy)
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **asdict(strategy)}
