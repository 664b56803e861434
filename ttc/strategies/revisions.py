"""Revisions: chains of attempts, each made in sight of the previous ones (Snell et al. 2024, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import ClassVar

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.flows import SubFlow, sample, score, side_by_side
from ttc.types import Candidate, Flow, Problem, Trace

PRESETS = {"easy": (128, 1), "medium": (32, 4), "hard": (4, 32)}
"""Rules of thumb by a problem's difficulty; each spends a budget of 128 exactly."""


@dataclass
class Revisions(Strategy):
    """N attempts in chains; `ratio` is sequential:parallel, the length of a chain to the number of chains.

    At a budget of 128, 8:1 is 4 chains of 32. `sequential` is one chain of N, `parallel` N chains of one attempt;
    `easy`, `medium` and `hard` are 128:1, 32:4 and 4:32. An attempt is made in sight of the latest `shown` finished
    ones of its chain. All attempts are candidates: a correct one may be turned wrong by the next revision.
    """

    ratio: str = "1:1"
    shown: int = 4

    has_chains: ClassVar[bool] = True

    def check(self, budget: int) -> None:
        super().check(budget)
        if self.shown < 1:
            raise UserError(f"strategy.shown={self.shown} must be at least 1; use e.g. 4.")
        ratio = self._ratio(budget)
        area = ratio.numerator * ratio.denominator
        scale = isqrt(budget // area)
        if area * scale * scale != budget:
            near = " or ".join(str(area * n * n) for n in (scale, scale + 1) if n)
            raise UserError(
                f"budget={budget} cannot be split into whole chains at strategy.ratio={self.ratio}; use budget={near}, "
                f"or a ratio of {', '.join(ratios(budget))}."
            )

    def solve(self, problem: Problem, budget: int) -> Flow:
        chains = yield from self.attempts(problem, budget)
        values = iter((yield from score([trace for chain in chains for trace in chain])))
        return [
            Candidate(trace, (next(values),), chain=number) for number, chain in enumerate(chains) for trace in chain
        ]

    def attempts(self, problem: Problem, budget: int) -> SubFlow[list[list[Trace]]]:
        """Return the chains of attempts, not yet scored."""
        length, count = self.chains(budget)
        return (yield from side_by_side([self._chain(problem, length) for _ in range(count)]))

    def chains(self, budget: int) -> tuple[int, int]:
        """Return the length of a chain and the number of chains: L / C is the ratio, L · C the budget."""
        ratio = self._ratio(budget)
        scale = isqrt(budget // (ratio.numerator * ratio.denominator))
        return ratio.numerator * scale, ratio.denominator * scale

    def _chain(self, problem: Problem, length: int) -> SubFlow[list[Trace]]:
        chain: list[Trace] = []
        for _ in range(length):
            finished = [Trace(problem, attempt.steps, attempt.finish) for attempt in chain if attempt.is_finished]
            chain += yield from sample([Trace(problem, attempts=tuple(finished[-self.shown :]))])
        return chain

    def _ratio(self, budget: int) -> Fraction:
        named = PRESETS | {"sequential": (budget, 1), "parallel": (1, budget)}
        sequential, _, parallel = self.ratio.partition(":")
        try:
            pair = named.get(self.ratio) or (int(sequential), int(parallel))
        except ValueError:
            pair = (0, 0)
        if min(pair) < 1:
            raise UserError(
                f"strategy.ratio={self.ratio} is not a ratio; use sequential:parallel, e.g. 4:1, or {', '.join(named)}."
            )
        return Fraction(*pair)


def ratios(budget: int) -> list[str]:
    """Return every ratio that splits a budget into whole chains, from all parallel to one chain."""
    shapes = (Fraction(length, budget // length) for length in range(1, budget + 1) if budget % length == 0)
    return [f"{shape.numerator}:{shape.denominator}" for shape in shapes]
