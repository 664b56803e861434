"""Diverse verifier tree search: many small trees instead of one large (Beeching et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttc.errors import UserError
from ttc.strategies.beam import Beam
from ttc.strategies.flows import together
from ttc.types import Flow, Problem


@dataclass
class Dvts:
    """N/M trees, each searched alone: of its M beams the best is kept after every step, and grows M children.

    Where beam search's N beams soon descend from one prefix, the trees cannot crowd each other out.
    """

    width: int = 4
    rounds: int = 40

    needs_prm: ClassVar[bool] = True
    is_parallel: ClassVar[bool] = False
    generations_each: ClassVar[int] = 1

    def check(self, budget: int) -> None:
        Beam(self.width, self.rounds).check(budget)
        if self.width is None:
            raise UserError("strategy.width=null: dvts needs a number of beams for each tree; use e.g. 4.")

    def solve(self, problem: Problem, budget: int) -> Flow:
        width = min(self.width, budget)
        tree = Beam(width, self.rounds)
        trees = yield from together([tree.solve(problem, width) for _ in range(budget // width)])
        return [candidate for candidates in trees for candidate in candidates]
