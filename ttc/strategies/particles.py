"""Particle filtering: the verifier as a likelihood, resampling instead of pruning (Puri et al. 2025, 2502.01618)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ttc.errors import UserError
from ttc.hashing import seed_of
from ttc.strategies.base import Strategy
from ttc.strategies.flows import Node, sample, score
from ttc.types import Flow, Problem, Trace


@dataclass
class Particles(Strategy):
    """N particles; after every step N are drawn, with replacement, by the softmax of the logits of their values.

    Finished particles take part in the resampling and are not continued.
    """

    temperature: float = 1.0  # divides the logits
    rounds: int = 40

    def check(self, budget: int) -> None:
        super().check(budget)
        if self.temperature <= 0:
            raise UserError(f"strategy.temperature={self.temperature} must be above 0; use e.g. 1.0.")
        if self.rounds < 1:
            raise UserError(f"strategy.rounds={self.rounds} must be at least 1; use e.g. 40.")

    def solve(self, problem: Problem, budget: int) -> Flow:
        particles = [Node(Trace(problem))] * budget
        for _ in range(self.rounds):
            traces = yield from sample([p.trace for p in particles if p.trace.is_open], max_steps=1)
            values = yield from score(traces)
            extended = zip(traces, values, strict=True)
            particles = [_extended(p, *next(extended)) if p.trace.is_open else p for p in particles]
            if not any(p.trace.is_open for p in particles):
                break
            particles = self._resampled(particles)
        return [particle.candidate() for particle in particles]

    def _resampled(self, particles: Sequence[Node]) -> list[Node]:
        """Draw as many particles with replacement; the same particles always give the same draw."""
        rng = Random(seed_of([(p.trace.token_ids, p.value) for p in particles]))
        return rng.choices(particles, particle_weights(particles, self.temperature), k=len(particles))


def particle_weights(particles: Sequence[Node], temperature: float) -> list[float]:
    """Return the softmax of the logits of the particles' values, up to a factor."""
    logits = [_logit(particle.value) / temperature for particle in particles]
    top = max(logits)
    return [math.exp(logit - top) for logit in logits]


def _logit(value: float) -> float:
    inside = min(max(value, 1e-7), 1 - 1e-7)
    return math.log(inside / (1 - inside))


def _extended(particle: Node, trace: Trace, value: float) -> Node:
    return Node(trace, (*particle.values, value))
