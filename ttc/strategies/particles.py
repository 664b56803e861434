"""Particle filtering: the verifier as a likelihood, drawing instead of cutting (Puri et al. 2025, arXiv 2502.01618)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from ttc.engines.base import seed_of
from ttc.errors import UserError
from ttc.strategies.flows import Node, sample, score
from ttc.strategies.parallel import check_positive
from ttc.types import Flow, Problem, Trace


@dataclass
class Particles:
    """N particles; after every step N are drawn, with replacement, by the softmax of their values' logits.

    Finished particles take part in the drawing and are not continued. `temperature` divides the logits.
    """

    temperature: float = 1.0
    rounds: int = 40

    needs_prm: ClassVar[bool] = True
    is_parallel: ClassVar[bool] = False
    generations_each: ClassVar[int] = 1

    def check(self, budget: int) -> None:
        check_positive(budget)
        if self.temperature <= 0:
            raise UserError(f"strategy.temperature={self.temperature} is not above 0; use e.g. 1.0.")
        if self.rounds < 1:
            raise UserError(f"strategy.rounds={self.rounds} is no number of steps; use 1 or more, e.g. 40.")

    def solve(self, problem: Problem, budget: int) -> Flow:
        particles = [Node(Trace(problem))] * budget
        for _ in range(self.rounds):
            traces = yield from sample([p.trace for p in particles if p.trace.is_open], max_steps=1)
            values = yield from score(traces)
            grown = zip(traces, values, strict=True)
            particles = [_grown(p, *next(grown)) if p.trace.is_open else p for p in particles]
            if not any(p.trace.is_open for p in particles):
                break
            particles = self._drawn(particles)
        return [particle.candidate() for particle in particles]

    def _drawn(self, particles: Sequence[Node]) -> list[Node]:
        """As many particles, drawn with replacement; the same particles always give the same draw."""
        rng = Random(seed_of([(p.trace.token_ids, p.value) for p in particles]))
        return rng.choices(particles, weights(particles, self.temperature), k=len(particles))


def weights(particles: Sequence[Node], temperature: float) -> list[float]:
    """Softmax of the logits of the particles' values, up to a factor."""
    logits = [_logit(particle.value) / temperature for particle in particles]
    top = max(logits)
    return [math.exp(logit - top) for logit in logits]


def _logit(value: float) -> float:
    inside = min(max(value, 1e-7), 1 - 1e-7)
    return math.log(inside / (1 - inside))


def _grown(particle: Node, trace: Trace, value: float) -> Node:
    return Node(trace, (*particle.values, value))
