"""How much work runs are, counted before anything is computed: strategies are driven with made-up replies.

A strategy is a generator function that never calls a model. So its own flow tells what it would ask for: every sample
and every score. Replies are shared as the store shares them: a sample with the same prompt and the same draw, of the
same generator and seed, is computed once, in whatever runs it occurs. How much that saves depends on how often a
generator repeats itself: made-up steps are drawn from a geometric distribution over texts, whose parameter can be
measured from a few real samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import expm1, floor, log1p

from ttc.config import RunConfig
from ttc.hashing import digest
from ttc.strategies.base import Strategy
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Sample, Score, Step, Trace

SOLUTION_STEPS = 4  # of made-up solutions
REPETITION = 0.3  # the chance that a step is the commonest one, where it was not measured


@dataclass(frozen=True)
class Workload:
    """What runs ask for, per problem.

    Attributes:
        generations: of the budget.
        samples: requests to the generator.
        steps: decoded in them.
        new_steps: those that no earlier request has asked for.
        scores: requests to the verifier.
    """

    generations: int = 0
    samples: int = 0
    steps: int = 0
    new_steps: int = 0
    scores: int = 0

    @property
    def is_stepwise(self) -> bool:
        """Whether samples are single steps rather than whole solutions."""
        return self.steps < 2 * self.samples

    def __add__(self, other: Workload) -> Workload:
        return Workload(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


_Key = tuple[object, ...]
Watch = Callable[[Request, Reply], None]


def _unwatched(request: Request, reply: Reply) -> None:
    pass


@dataclass
class Rehearsal:
    """Counts the work of one run after another; remembers what has been asked for.

    Attributes:
        repetition: the chance that a new step is the commonest one.
        solution_steps: of every solution.
    """

    repetition: float = REPETITION
    solution_steps: int = SOLUTION_STEPS
    _asked: set[_Key] = field(default_factory=set)

    def count(self, config: RunConfig, budget: int) -> Workload:
        """Return the work of a run, per problem."""
        return self.follow(config.strategy, budget, (config.generator.fingerprint(), config.seed))

    def follow(self, strategy: Strategy, budget: int, scope: _Key = (), watch: Watch = _unwatched) -> Workload:
        """Return the work of one problem.

        Args:
            strategy: to be driven.
            budget: in generations.
            scope: replies are shared within it, and nowhere else.
            watch: is shown each request with its made-up reply, in order.
        """
        counted = _Counter(scope, self._asked, self.repetition, self.solution_steps)
        candidates = _drive(strategy.solve(Problem("rehearsal", "", ""), budget), counted, watch)
        generations = sum(candidate.generations for candidate in candidates)
        return Workload(generations, counted.samples, counted.steps, counted.new_steps, counted.scores)


def _drive(flow: Flow, counted: _Counter, watch: Watch) -> list[Candidate]:
    """Run a flow to its end."""

    def replied(request: Request) -> Reply:
        reply = counted.reply(request)
        watch(request, reply)
        return reply

    try:
        requests = next(flow)
        while True:
            requests = flow.send(list(map(replied, requests)))
    except StopIteration as stop:
        candidates: list[Candidate] = stop.value
        return candidates


class _Counter:
    """Makes replies up, and counts what was asked."""

    def __init__(self, scope: _Key, asked: set[_Key], repetition: float, solution_steps: int) -> None:
        self._scope, self._asked, self._solution_steps = scope, asked, solution_steps
        self._log_of_others = log1p(-min(max(repetition, 1e-6), 1 - 1e-6))
        self._draws: Counter[Sample] = Counter()
        self.samples = self.steps = self.new_steps = self.scores = 0

    def reply(self, request: Request) -> Reply:
        if isinstance(request, Score):
            self.scores += 1
            return _uniform(request.trace.text)  # equal texts have equal values
        draw = 0 if request.temperature == 0 else self._draws[request]
        self._draws[request] += 1
        trace = self._continued(request, draw)
        added = len(trace.steps) - len(request.trace.steps)
        self.samples += 1
        self.steps += added
        key = (*self._scope, request, draw)
        if key not in self._asked:
            self._asked.add(key)
            self.new_steps += added
        return trace

    def _continued(self, request: Sample, draw: int) -> Trace:
        trace = request.trace
        left = max(self._solution_steps - len(trace.steps), 1)
        count = left if request.max_steps is None else min(request.max_steps, left)
        shown = [attempt.text for attempt in trace.attempts]
        numbers = [_uniform(self._scope, trace.text, shown, draw, place) for place in range(count)]
        texts = [str(floor(log1p(-number) / self._log_of_others)) for number in numbers]
        finish = FinishReason.STOP if count == left else FinishReason.STEP
        return trace.extended(tuple(Step(f"{text}\n", ()) for text in texts), finish)


def expected_texts(repetition: float, samples: int) -> float:
    """Return how many different texts so many draws are expected to give."""
    total, chance = 0.0, repetition
    while chance > 1e-12:
        total -= expm1(samples * log1p(-chance)) if chance < 1 else -1.0
        chance *= 1 - repetition
    return total


def measured_repetition(texts: float, samples: int) -> float:
    """Return the repetition at which so many samples are expected to give so many different texts."""
    low, high = 1e-4, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if expected_texts(middle, samples) > texts else (low, middle)
    return low


def _uniform(*content: object) -> float:
    """Return a number in [0, 1) that depends on the content only."""
    return int.from_bytes(digest(*content)[:7]) / 2**56
