"""Flows <-> engines: every request of every problem enters its engine as soon as it exists.

There is no barrier across problems: a flow goes on the moment its own replies are in, while the others' requests keep
the engines full. New problems start only while there is room in flight, so memory does not grow with their number.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ttc.engines.base import Draw, Engine, Finished
from ttc.ledger import Ledger, Tokens
from ttc.types import Candidate, Flow, Problem, Reply, Request, Sample


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow returned for its problem, and what it cost."""

    problem: Problem
    candidates: list[Candidate]
    tokens: Tokens


@dataclass
class _Active:
    """A flow that waits for replies."""

    problem: Problem
    flow: Flow
    replies: list[Reply | None] = field(default_factory=list)
    missing: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    draws: Counter[Sample] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Ticket:
    active: _Active
    position: int  # of the reply in the list that the flow waits for
    is_sample: bool


class Runner:
    """Drives many flows at once over one generator and, where strategies score, one verifier.

    `seconds` tells how long each engine worked. A flow may hold thousands of requests; problems are started while
    fewer than `max_in_flight` requests wait.
    """

    def __init__(
        self,
        generator: Engine,
        verifier: Engine | None = None,
        *,
        seed: int = 0,
        max_in_flight: int = 4096,
    ) -> None:
        self._generator, self._verifier = generator, verifier
        self._seed, self._max_in_flight = seed, max_in_flight
        self.on_tokens: Callable[[Tokens], None] = lambda tokens: None
        self._tickets: dict[int, _Ticket] = {}
        self._issued = 0
        self._done: list[Outcome] = []
        self.ledger = Ledger(generator.shape, verifier.shape if verifier else None)
        self.seconds = {"generate": 0.0, "score": 0.0}

    def run(self, flows: Iterable[tuple[Problem, Flow]]) -> Iterator[Outcome]:
        """Yield each problem's outcome as it comes in: in the order of finishing, not of the input."""
        waiting = iter(flows)
        more = True
        while more or self._tickets:
            while more and len(self._tickets) < self._max_in_flight:
                started = next(waiting, None)
                if started is None:
                    more = False
                else:
                    self._advance(_Active(*started), None)
            for finished in self._poll():
                self._deliver(finished)
            yield from self._done
            self._done.clear()

    def _poll(self) -> list[Finished]:
        finished = self._timed_poll(self._generator, "generate")
        if self._verifier is not None:
            finished += self._timed_poll(self._verifier, "score")
        return finished

    def _timed_poll(self, engine: Engine, name: str) -> list[Finished]:
        if not engine.is_busy:
            return []
        before = time.perf_counter()
        finished = engine.poll()
        self.seconds[name] += time.perf_counter() - before
        return finished

    def _advance(self, active: _Active, replies: list[Reply] | None) -> None:
        """Send a flow its replies; queue what it asks next, or keep what it returns."""
        try:
            requests = next(active.flow) if replies is None else active.flow.send(replies)
            while not requests:
                requests = active.flow.send([])
        except StopIteration as stop:
            self._done.append(Outcome(active.problem, stop.value, active.tokens))
            return
        active.replies = [None] * len(requests)
        active.missing = len(requests)
        for position, request in enumerate(requests):
            self._submit(active, position, request)

    def _submit(self, active: _Active, position: int, request: Request) -> None:
        ticket = self._issued = self._issued + 1
        is_sample = isinstance(request, Sample)
        self._tickets[ticket] = _Ticket(active, position, is_sample)
        if isinstance(request, Sample):
            draw = active.draws[request]  # two equal beams still get different samples
            active.draws[request] += 1
            self._generator.submit(ticket, request, Draw(self._seed, draw))
        elif self._verifier is not None:
            self._verifier.submit(ticket, request, Draw())
        else:
            raise RuntimeError("a strategy asked for scores, but no verifier was started")

    def _deliver(self, finished: Finished) -> None:
        ticket = self._tickets.pop(finished.ticket)
        active, usage = ticket.active, finished.usage
        if ticket.is_sample:
            tokens = self.ledger.sampled(usage.prompt, usage.cached, usage.decoded)
        else:
            tokens = self.ledger.scored(usage.prompt, usage.cached)
        self.on_tokens(tokens)
        active.tokens += tokens
        active.replies[ticket.position] = finished.reply
        active.missing -= 1
        if active.missing == 0:
            self._advance(active, [reply for reply in active.replies if reply is not None])


def started(problems: Iterable[Problem], solve: Callable[[Problem], Flow]) -> Iterator[tuple[Problem, Flow]]:
    """Each problem with its flow, made only when the runner has room for it."""
    return ((problem, solve(problem)) for problem in problems)
