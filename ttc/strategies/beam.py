"""Beam search guided by a process reward model (Algorithm 3; Snell et al. 2024, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import ClassVar

from ttc.errors import UserError
from ttc.strategies.flows import Asking, Node, sample, score
from ttc.strategies.parallel import check_positive
from ttc.types import Flow, Problem, Trace


@dataclass
class Beam:
    """N beams; after every step the best N/M are kept and each grows M children.

    A finished beam holds its slot: it is one of the N candidates from then on, and only the other slots are searched.
    `width` is M; null means sqrt(N). Where N is below M, M is N: every round keeps one beam. Beams still open after
    `rounds` steps stay unfinished: they are no answers.
    """

    width: int | None = 4
    rounds: int = 40

    needs_prm: ClassVar[bool] = True
    is_parallel: ClassVar[bool] = False
    generations_each: ClassVar[int] = 1

    def check(self, budget: int) -> None:
        check_positive(budget)
        if self.rounds < 1:
            raise UserError(f"strategy.rounds={self.rounds} is no number of steps; use 1 or more, e.g. 40.")
        if self.width is None:
            root = isqrt(budget)
            if root * root != budget:
                raise UserError(
                    f"budget={budget} has no whole square root for strategy.width=null; "
                    f"use {root * root} or {(root + 1) ** 2}."
                )
        elif self.width < 1:
            raise UserError(f"strategy.width={self.width} is no beam width; use 1 or more, e.g. 4.")
        elif budget > self.width and budget % self.width:
            below = budget // self.width * self.width
            raise UserError(
                f"budget={budget} is not a multiple of width={self.width}; use {below} or {below + self.width}."
            )

    def solve(self, problem: Problem, budget: int) -> Flow:
        width = min(self.width or isqrt(budget), budget)
        parents = [Node(Trace(problem))] * budget  # one a free slot
        finished: list[Node] = []
        for _ in range(self.rounds):
            children = yield from self._grow(parents)
            finished += [beam for beam in children if not beam.trace.is_open]
            searched = [beam for beam in children if beam.trace.is_open]
            if not searched:
                return [beam.candidate() for beam in finished]
            parents = expanded(searched, width)
        return [beam.candidate() for beam in finished + searched]

    def _grow(self, parents: list[Node]) -> Asking[list[Node]]:
        traces = yield from sample([parent.trace for parent in parents], max_steps=1)
        values = yield from self._values(traces)
        return [
            Node(trace, (*parent.values, value)) for parent, trace, value in zip(parents, traces, values, strict=True)
        ]

    def _values(self, traces: list[Trace]) -> Asking[list[float]]:
        return (yield from score(traces))


def expanded(beams: list[Node], width: int) -> list[Node]:
    """The parents of the next round: the best of the beams, `width` slots each, as many slots as there are beams.

    Where finished beams have left a number of slots that `width` does not divide, the worst survivor gets fewer.
    """
    survivors = sorted(beams, key=lambda beam: -beam.value)[: -(-len(beams) // width)]
    return [survivor for survivor in survivors for _ in range(width)][: len(beams)]
