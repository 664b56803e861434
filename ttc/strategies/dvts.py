"""Diverse verifier tree search: many small trees instead of a large one (Beeching et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.flows import side_by_side
from ttc.types import Flow, Problem


@dataclass
class Dvts(Strategy):
    """N/M trees, each searched alone: of its M beams the best is kept after every step, and continued M times.

    Where the N beams of beam search soon descend from one prefix, the trees cannot crowd each other out.
    """

    width: int = 4  # M
    rounds: int = 40

    def check(self, budget: int) -> None:
        if self.width is None:
            raise UserError("strategy.width=null: dvts needs a number of beams per tree; use e.g. 4.")
        Beam(self.width, self.rounds).check(budget)

    def largest_spendable(self, at_most: int) -> int:
        return Beam(self.width, self.rounds).largest_spendable(at_most)

    def solve(self, problem: Problem, budget: int) -> Flow:
        width = min(self.width, budget)
        tree = Beam(width, self.rounds)
        trees = yield from side_by_side([tree.solve(problem, width) for _ in range(budget // width)])
        return [candidate for candidates in trees for candidate in candidates]
