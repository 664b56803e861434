"""Lookahead search: beam search whose verifier looks some steps ahead (Algorithm 4; Snell et al. 2024, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.errors import UserError
from ttc.strategies.beam import Beam
from ttc.strategies.flows import Asking, sample, score
from ttc.strategies.parallel import check_positive
from ttc.types import Flow, Problem, Trace


@dataclass
class Lookahead(Beam):
    """Beam search in which a step's value is the verifier's after `k` more steps, sampled greedily and thrown away.

    Each of a beam's steps costs k + 1 generations, so a budget of N buys N/(k + 1) beams. k=0 is beam search.
    """

    k: int = 1

    @property
    def generations_each(self) -> int:  # type: ignore[override]
        return self.k + 1

    def check(self, budget: int) -> None:
        check_positive(budget)
        if self.k < 0:
            raise UserError(f"strategy.k={self.k} is no number of steps to look ahead; use 0 or more, e.g. 1.")
        beams, rest = divmod(budget, self.k + 1)
        if rest:
            raise UserError(
                f"budget={budget} is not a multiple of k + 1 = {self.k + 1}, what a beam costs; "
                f"use {self._near(budget)}."
            )
        try:
            super().check(beams)
        except UserError as error:
            if f"budget={beams}" not in str(error):
                raise
            width = self.width or "null"
            raise UserError(
                f"budget={budget} buys {beams} beams of k + 1 = {self.k + 1} generations, which strategy.width={width} "
                f"does not divide; use {self._near(budget)}."
            ) from None

    def _near(self, budget: int) -> str:
        """The budgets next to this one that can be spent."""
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

    def solve(self, problem: Problem, budget: int) -> Flow:
        return super().solve(problem, budget // (self.k + 1))

    def _values(self, traces: list[Trace]) -> Asking[list[float]]:
        """The verifier's values at the ends of greedy rollouts; a finished trace is judged as it is."""
        if not self.k:
            return (yield from score(traces))
        rolled = iter((yield from sample([t for t in traces if t.is_open], max_steps=self.k, temperature=0.0)))
        return (yield from score([next(rolled) if trace.is_open else trace for trace in traces]))
