"""How much work runs are, counted before anything is computed: strategies are driven with made-up replies.

A strategy is a generator function that never calls a model. So its own flow tells what it would ask for: every sample
and every score. Replies are shared as the store shares them: a sample with the same prompt and the same draw, of the
same generator and seed, is computed once, in whatever runs it occurs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ttc.config import RunConfig
from ttc.hashing import digest
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Sample, Score, Step, Trace

SOLUTION_STEPS = 4  # of made-up solutions


@dataclass(frozen=True)
class Workload:
    """What runs ask for, per problem.

    Attributes:
        generations: of the budget.
        samples: requests to the generator.
        new_samples: those that no earlier run has asked for.
        steps: decoded, all samples together.
        scores: requests to the verifier.
    """

    generations: int = 0
    samples: int = 0
    new_samples: int = 0
    steps: int = 0
    scores: int = 0

    def __add__(self, other: Workload) -> Workload:
        return Workload(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


_Key = tuple[object, ...]


@dataclass
class Rehearsal:
    """Counts the work of one run after another; remembers what has been asked for."""

    _asked: set[_Key] = field(default_factory=set)

    def count(self, config: RunConfig, budget: int) -> Workload:
        """Return the work of a run, per problem."""
        flow = config.strategy.solve(Problem("rehearsal", "", ""), budget)
        scope = (config.generator.fingerprint(), config.seed)
        counted = _Counter(scope, self._asked)
        candidates = _drive(flow, counted)
        generations = sum(candidate.generations for candidate in candidates)
        return Workload(generations, counted.samples, counted.new_samples, counted.steps, counted.scores)


def _drive(flow: Flow, counted: _Counter) -> list[Candidate]:
    """Run a flow to its end."""
    try:
        requests = next(flow)
        while True:
            requests = flow.send([counted.reply(request) for request in requests])
    except StopIteration as stop:
        candidates: list[Candidate] = stop.value
        return candidates


class _Counter:
    """Makes replies up, and counts what was asked."""

    def __init__(self, scope: _Key, asked: set[_Key]) -> None:
        self._scope, self._asked = scope, asked
        self._draws: Counter[Sample] = Counter()
        self.samples = self.new_samples = self.steps = self.scores = 0

    def reply(self, request: Request) -> Reply:
        if isinstance(request, Score):
            self.scores += 1
            return int.from_bytes(digest(request.trace.text)[:8]) / 2**64  # of a text, always the same
        draw = 0 if request.temperature == 0 else self._draws[request]
        self._draws[request] += 1
        self.samples += 1
        key = (*self._scope, request, draw)
        if key not in self._asked:
            self._asked.add(key)
            self.new_samples += 1
        return self._continued(request, draw)

    def _continued(self, request: Sample, draw: int) -> Trace:
        trace = request.trace
        left = max(SOLUTION_STEPS - len(trace.steps), 1)
        count = left if request.max_steps is None else min(request.max_steps, left)
        self.steps += count
        # Different draws differ in their first new step; the same draw is the same text in every run.
        steps = tuple(Step(f"{draw}.{number}", ()) for number in range(count))
        finish = FinishReason.STOP if count == left else FinishReason.STEP
        return trace.extended(steps, finish)
