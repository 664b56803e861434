"""What solving one problem will cost, charged to a run's own ledger while its strategy is rehearsed.

Prompts and solutions have the lengths that are expected of them, each solution `STEPS` steps of the same length. No two
steps are alike: a generator that repeats itself has less to be scored, and more served from caches. Prefix caches hold
whatever has been read before, in whole blocks; real ones forget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ttc.cost import Flops, Ledger, ModelShape, Tokens
from ttc.execution.workload import Rehearsal
from ttc.strategies.base import Strategy
from ttc.strategies.controller import Controller
from ttc.types import Reply, Request, Sample, Score, Trace

STEPS = 8  # of a solution
REHEARSED = 512  # generations; the cost of more is proportional


@dataclass(frozen=True)
class Lengths:
    """Tokens of what passes through the models.

    Attributes:
        prompt: of the problem, as the generator is shown it.
        solution: of a generation.
        verifier_prompt: of the problem, as the verifier is shown it.
        verifier_closing: read again with every score, after the last step.
        verifier_caches: whether the verifier's prefix cache serves what it has read before.
        verifier_sees_attempts: whether it reads the earlier attempts of a revision.
        block: of which the generator's prefix cache serves whole ones.
        verifier_block: the verifier's.
    """

    prompt: int
    solution: int
    verifier_prompt: int = 0
    verifier_closing: int = 0
    verifier_caches: bool = True
    verifier_sees_attempts: bool = False
    block: int = 1
    verifier_block: int = 1


@dataclass(frozen=True)
class ForeseenCost:
    """Of one problem, on average; or of several."""

    tokens: Tokens
    flops: Flops

    def times(self, factor: float) -> ForeseenCost:
        """Return so many times this cost, rounded to whole numbers."""
        tokens = {name: round(count * factor) for name, count in self.tokens.to_json().items()}
        flops = {name: None if count is None else round(count * factor) for name, count in self.flops.to_json().items()}
        return ForeseenCost(Tokens(**tokens), Flops(**flops))

    def __add__(self, other: ForeseenCost) -> ForeseenCost:
        ours, theirs = self.flops.to_json(), other.flops.to_json()
        flops = {name: _sum(count, theirs[name]) for name, count in ours.items()}
        return ForeseenCost(self.tokens + other.tokens, Flops(**flops))


@dataclass(frozen=True)
class Models:
    """The shapes of the models in use; None: unknown, and so are the FLOPs."""

    generator: ModelShape | None = None
    verifier: ModelShape | None = None


def foreseen_cost(strategy: Strategy, budget: int, lengths: Lengths, models: Models) -> ForeseenCost:
    """Return what one problem costs; of a controller, what it costs if all take the costliest of its routes."""
    rehearsed = budget
    if budget > REHEARSED:
        rehearsed = strategy.largest_spendable(REHEARSED) or budget
    routes = strategy.routes(rehearsed) if isinstance(strategy, Controller) else [strategy]
    costs = [_cost(route, rehearsed, lengths, models) for route in routes]
    most = max(costs, key=lambda cost: cost.tokens.computed)
    return most if rehearsed == budget else most.times(budget / rehearsed)


def _cost(strategy: Strategy, budget: int, lengths: Lengths, models: Models) -> ForeseenCost:
    ledger = Ledger(models.generator, models.verifier)
    Rehearsal(0.0, STEPS).follow(strategy, budget, watch=_Charges(ledger, lengths))
    return ForeseenCost(ledger.tokens, ledger.flops())


class _PrefixCache:
    """Remembers what a model has read, and serves whole blocks of it."""

    def __init__(self, block: int) -> None:
        self._block = block
        self._held: set[int] = set()

    def read(self, parts: Sequence[tuple[str, int]]) -> int:
        """Return how many tokens at the beginning are served; then all have been read. The last is always computed."""
        key, cached, is_held = 0, 0, True
        for text, tokens in parts:
            key = hash((key, text))
            is_held = is_held and key in self._held
            cached += tokens if is_held else 0
            self._held.add(key)
        cached = min(cached, sum(tokens for _, tokens in parts) - 1)
        return max(cached, 0) // self._block * self._block


@dataclass
class _Charges:
    """Charges requests to a ledger."""

    ledger: Ledger
    lengths: Lengths
    _deterministic: set[Request] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with empty caches."""
        self._generator = _PrefixCache(self.lengths.block)
        self._verifier = _PrefixCache(self.lengths.verifier_block)

    def __call__(self, request: Request, reply: Reply) -> None:
        if isinstance(request, Score) or request.temperature == 0:  # a runner asks for these once
            if request in self._deterministic:
                return
            self._deterministic.add(request)
        if isinstance(request, Sample):
            assert isinstance(reply, Trace)
            self._sample(request.trace, reply)
        elif request.trace.steps:  # a runner has nothing else scored
            self._score(request.trace)

    def _sample(self, trace: Trace, longer: Trace) -> None:
        before = [*self._problem(self.lengths.prompt, trace, attempts=True), *self._steps(trace)]
        total = sum(tokens for _, tokens in before)
        cached = self._generator.read(before)
        after = [*self._steps(longer)][len(trace.steps) :]
        self.ledger.charge_sample(total - cached, cached, sum(tokens for _, tokens in after))
        self._generator.read([*before, *after])

    def _score(self, trace: Trace) -> None:
        lengths = self.lengths
        parts = [
            *self._problem(lengths.verifier_prompt, trace, attempts=lengths.verifier_sees_attempts),
            *self._steps(trace),
        ]
        total = sum(tokens for _, tokens in parts)
        cached = self._verifier.read(parts) if lengths.verifier_caches else 0
        self.ledger.charge_score(total - cached + lengths.verifier_closing, cached)

    def _problem(self, tokens: int, trace: Trace, *, attempts: bool) -> Iterator[tuple[str, int]]:
        yield "", tokens
        for attempt in trace.attempts if attempts else ():
            yield attempt.text, sum(count for _, count in self._steps(attempt))

    def _steps(self, trace: Trace) -> Iterator[tuple[str, int]]:
        solution = self.lengths.solution
        for place, step in enumerate(trace.steps):
            yield step.text, solution * (place + 1) // STEPS - solution * place // STEPS


def _sum(one: float | None, other: float | None) -> int | None:
    return None if one is None or other is None else math.floor(one + other)
