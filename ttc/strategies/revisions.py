"""Revisions: chains of attempts, each made in sight of the previous ones (Snell et al. 2024, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt
from typing import ClassVar

from ttc.errors import UserError
from ttc.strategies.base import Strategy, parallel_samples
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

    continues_samples: ClassVar[bool] = True

    @property
    def has_chains(self) -> bool:
        return True

    @property
    def scores_every_step(self) -> bool:
        return False

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

    def largest_spendable(self, at_most: int) -> int:
        if not at_most:
            return 0
        ratio = self._ratio(at_most)
        area = ratio.numerator * ratio.denominator
        return area * isqrt(at_most // area) ** 2

    def solve(self, problem: Problem, budget: int) -> Flow:
        length, count = self.chains(budget)
        return (yield from self._lengthened(problem, length, [()] * count))

    def solve_after(self, problem: Problem, budget: int, samples: Sequence[Candidate]) -> Flow:
        """Begin the chains that the whole budget, samples included, buys with the samples.

        Each chain begins with one. Of the others as many stay alone as chains cannot spend; the rest are dealt out as
        second attempts, and so on. The revision model is trained on the same: independent samples, one after the other.
        """
        total = budget + len(samples)
        chained = self.largest_spendable(total)
        length, count = self.chains(chained)
        alone, dealt = samples[count:][: total - chained], samples[count:][total - chained :]
        first = [[*samples[number : number + 1], *dealt[number::count]] for number in range(count)]
        others = parallel_samples(problem, total - chained - len(alone))
        found, more = yield from side_by_side([self._lengthened(problem, length, first), others])
        return [*found, *alone, *more]

    def _lengthened(self, problem: Problem, length: int, first: Sequence[Sequence[Candidate]]) -> Flow:
        """Continue chains from their first attempts to a length, and score what was added."""
        begun = [[candidate.trace for candidate in candidates] for candidates in first]
        chains = yield from side_by_side([self._chain(problem, length, attempts) for attempts in begun])
        added = [chain[len(attempts) :] for chain, attempts in zip(chains, begun, strict=True)]
        values = iter((yield from score([trace for traces in added for trace in traces])))
        return [
            replace(candidate, chain=number)
            for number, (candidates, traces) in enumerate(zip(first, added, strict=True))
            for candidate in (*candidates, *(Candidate(trace, (next(values),)) for trace in traces))
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

    def _chain(self, problem: Problem, length: int, first: Sequence[Trace] = ()) -> SubFlow[list[Trace]]:
        chain = [*first]
        while len(chain) < length:
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
