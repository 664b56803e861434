"""Beam search guided by a process reward model (Algorithm 3; Snell et al. 2024, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.flows import Node, SubFlow, sample, score
from ttc.types import Flow, Problem, Trace


@dataclass
class Beam(Strategy):
    """N beams; after every step the best N/M are kept and each is continued M times.

    A finished beam keeps its slot: from then on it is one of the N candidates, and only the other slots are searched.
    Where N is below M, M is N: every round keeps one beam. Beams still open after `rounds` steps stay unfinished: they
    are not answers.
    """

    width: int | None = 4  # M; null: the square root of N
    rounds: int = 40

    def check(self, budget: int) -> None:
        super().check(budget)
        if self.rounds < 1:
            raise UserError(f"strategy.rounds={self.rounds} must be at least 1; use e.g. 40.")
        if self.width is None:
            root = isqrt(budget)
            if root * root != budget:
                raise UserError(
                    f"budget={budget} has no integer square root for strategy.width=null; "
                    f"use {root * root} or {(root + 1) ** 2}."
                )
        elif self.width < 1:
            raise UserError(f"strategy.width={self.width} must be at least 1; use e.g. 4.")
        elif budget > self.width and budget % self.width:
            below = budget // self.width * self.width
            raise UserError(
                f"budget={budget} is not a multiple of width={self.width}; use {below} or {below + self.width}."
            )

    def largest_spendable(self, at_most: int) -> int:
        if self.width is None:
            return isqrt(at_most) ** 2
        return at_most if at_most <= self.width else at_most - at_most % max(self.width, 1)

    def solve(self, problem: Problem, budget: int) -> Flow:
        width = min(self.width or isqrt(budget), budget)
        parents = [Node(Trace(problem))] * budget  # one per free slot
        finished: list[Node] = []
        for _ in range(self.rounds):
            children = yield from self._expand(parents)
            finished += [beam for beam in children if not beam.trace.is_open]
            searched = [beam for beam in children if beam.trace.is_open]
            if not searched:
                return [beam.candidate() for beam in finished]
            parents = best_parents(searched, width)
        return [beam.candidate() for beam in finished + searched]

    def _expand(self, parents: list[Node]) -> SubFlow[list[Node]]:
        """Sample one more step of each, and score it."""
        traces = yield from sample([parent.trace for parent in parents], max_steps=1)
        values = yield from self._values(traces)
        return [
            Node(trace, (*parent.values, value)) for parent, trace, value in zip(parents, traces, values, strict=True)
        ]

    def _values(self, traces: list[Trace]) -> SubFlow[list[float]]:
        return (yield from score(traces))


def best_parents(beams: list[Node], width: int) -> list[Node]:
    """Return the parents of the next round, one per slot: the best of the beams, `width` times each.

    Where finished beams have left a number of slots that `width` does not divide, the worst survivor gets fewer.
    """
    survivors = sorted(beams, key=lambda beam: -beam.value)[: -(-len(beams) // width)]
    return [survivor for survivor in survivors for _ in range(width)][: len(beams)]
