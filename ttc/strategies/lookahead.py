"""Lookahead search: beam search whose verifier looks some steps ahead (Algorithm 4; Snell et al. 2024, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.flows import SubFlow, sample, score
from ttc.types import Flow, Problem, Trace


@dataclass
class Lookahead(Beam):
    """Beam search in which a step's value is the verifier's after `k` more steps, sampled greedily and thrown away.

    Every step of a beam costs k + 1 generations, so a budget of N buys N/(k + 1) beams. k=0 is beam search.
    """

    k: int = 1

    def check(self, budget: int) -> None:
        Strategy.check(self, budget)
        if self.k < 0:
            raise UserError(f"strategy.k={self.k} must not be negative; use e.g. 1.")
        beams, rest = divmod(budget, self.k + 1)
        if rest:
            raise UserError(
                f"budget={budget} is not a multiple of k + 1 = {self.k + 1}, the cost of one beam; "
                f"use {self._nearest(budget)}."
            )
        try:
            super().check(beams)
        except UserError as error:
            if f"budget={beams}" not in str(error):
                raise
            width = self.width or "null"
            raise UserError(
                f"budget={budget} buys {beams} beams of k + 1 = {self.k + 1} generations, which strategy.width={width} "
                f"does not divide; use {self._nearest(budget)}."
            ) from None

    def _nearest(self, budget: int) -> str:
        """Return the nearest budgets that can be spent."""
        good = [n for n in range(1, 4 * budget + 4 * (self.k + 1) * (self.width or 1)) if self._can_spend(n)]
        below = [n for n in good if n < budget][-1:]
        above = [n for n in good if n > budget][:1]
        return " or ".join(map(str, below + above))

    def _can_spend(self, budget: int) -> bool:
        beams, rest = divmod(budget, self.k + 1)
        try:
            super().check(beams)
        except UserError:
            return False
        return rest == 0

    def largest_spendable(self, at_most: int) -> int:
        cost = max(self.k, 0) + 1  # of one beam
        return cost * super().largest_spendable(at_most // cost)

    def solve(self, problem: Problem, budget: int) -> Flow:
        candidates = yield from super().solve(problem, budget // (self.k + 1))
        return [replace(candidate, generations=self.k + 1) for candidate in candidates]

    def _values(self, traces: list[Trace]) -> SubFlow[list[float]]:
        """Return the verifier's values at the ends of greedy rollouts; a finished trace is scored as it is."""
        if not self.k:
            return (yield from score(traces))
        rolled = iter((yield from sample([t for t in traces if t.is_open], max_steps=self.k, temperature=0.0)))
        return (yield from score([next(rolled) if trace.is_open else trace for trace in traces]))
