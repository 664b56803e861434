"""Flows <-> engines: every request of every problem enters its engine as soon as it exists.

There is no barrier across problems: a flow continues the moment its own replies are in, while the requests of others
keep the engines full. New problems start only while there is room in flight, so memory does not grow with their number.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ttc.cost import Flops, Ledger, Tokens
from ttc.engines.base import Draw, Engine, EngineReply
from ttc.engines.late_loads import late_loads
from ttc.errors import RunError, UserError
from ttc.execution.shortfalls import Shortfalls
from ttc.execution.tree_builder import TreeBuilder
from ttc.runs.trees import SearchTree
from ttc.types import Candidate, Flow, Problem, Reply, Request, Sample, Score, Trace

PHASES = ("load", "generate", "score")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow returned for its problem, what it cost, what fell short, and the tree of what it searched."""

    problem: Problem
    candidates: list[Candidate]
    tokens: Tokens
    flops: Flops = field(default_factory=Flops)
    shortfalls: Shortfalls = field(default_factory=Shortfalls)
    tree: SearchTree | None = None


@dataclass
class _ActiveFlow:
    """A flow that waits for replies."""

    problem: Problem
    flow: Flow
    ledger: Ledger
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply | None] = field(default_factory=list)
    missing: int = 0
    shortfalls: Shortfalls = field(default_factory=Shortfalls)
    draws: Counter[Sample] = field(default_factory=Counter)
    keys: dict[Request, bytes] = field(default_factory=dict)  # a digest takes ten times as long as a look-up
    known: dict[bytes, Reply | _Ticket] = field(default_factory=dict)  # deterministic requests are computed once
    tree: TreeBuilder = field(default_factory=TreeBuilder)

    def begin(self, requests: list[Request]) -> None:
        """Wait for the replies to a batch of requests."""
        self.requests, self.missing = requests, len(requests)
        self.replies = [None] * len(requests)

    def receive(self, position: int, reply: Reply) -> None:
        self.replies[position] = reply
        self.missing -= 1

    def take_replies(self) -> list[Reply]:
        """Return the replies in the order of their requests; what they say of the search is recorded in this order."""
        replies = [reply for reply in self.replies if reply is not None]
        if len(replies) != len(self.replies):
            raise RuntimeError(f"{len(self.replies) - len(replies)} replies are missing")
        self.tree.add(self.requests, replies)
        return replies


@dataclass(frozen=True, slots=True)
class _Ticket:
    active: _ActiveFlow
    request: Request
    positions: list[int]  # in the list of replies that the flow waits for
    key: bytes | None = None  # of a deterministic request


class Runner:
    """Drives many flows at once over one generator and, where strategies score, one verifier.

    Attributes:
        ledger: tokens and FLOPs of the finished problems.
        seconds: how long each engine has worked, by `generate` and `score`, and how long engines took that were loaded
            only when they were first asked, as `load`.
        on_tokens: called with the cost of each reply that was computed in this run.
        on_poll: called whenever the engines have worked for a moment.
    """

    def __init__(
        self, generator: Engine, verifier: Engine | None = None, *, seed: int = 0, max_in_flight: int = 4096
    ) -> None:
        """Take the engines; new problems start while fewer than `max_in_flight` requests are waiting."""
        self._generator, self._verifier = generator, verifier
        self._seed, self._max_in_flight = seed, max_in_flight
        self.on_tokens: Callable[[Tokens], None] = lambda tokens: None
        self.on_poll: Callable[[], None] = lambda: None
        self._tickets: dict[int, _Ticket] = {}
        self._issued = 0
        self._done: list[Outcome] = []
        self.ledger = self.new_ledger()
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def run(self, flows: Iterable[tuple[Problem, Flow]]) -> Iterator[Outcome]:
        """Yield each problem's outcome as it finishes; the order is that of finishing, not of the input."""
        waiting = iter(flows)
        more = True
        while more or self._tickets:
            while more and len(self._tickets) < self._max_in_flight:
                following = next(waiting, None)
                if following is None:
                    more = False
                else:
                    self._advance(_ActiveFlow(*following, self.new_ledger()), None)
            for found in self._poll():
                self._deliver(found)
            self.on_poll()
            yield from self._done
            self._done.clear()

    def new_ledger(self) -> Ledger:
        """Return an empty account of the models in use."""
        return Ledger(self._generator.shape, self._verifier.shape if self._verifier else None)

    @property
    def decoding_tokens(self) -> int:
        """Tokens of the solutions that the generator is working on."""
        return self._generator.decoding_tokens

    def _poll(self) -> list[EngineReply]:
        found = self._timed_poll(self._generator, "generate")
        if self._verifier is not None:
            found += self._timed_poll(self._verifier, "score")
        return found

    def _timed_poll(self, engine: Engine, name: str) -> list[EngineReply]:
        if not engine.is_busy:
            return []
        with self._timed(name), _reported(name):
            return engine.poll()

    @contextmanager
    def _timed(self, name: str | None) -> Iterator[None]:
        """Add the block's seconds to a phase; to `load` where an engine was loaded meanwhile."""
        before, loads = time.perf_counter(), late_loads.count
        try:
            yield
        finally:
            phase = name if late_loads.count == loads else "load"
            if phase is not None:
                self.seconds[phase] += time.perf_counter() - before

    def _advance(self, active: _ActiveFlow, replies: list[Reply] | None) -> None:
        """Send a flow its replies; queue what it requests next, or keep what it returns."""
        try:
            requests = next(active.flow) if replies is None else active.flow.send(replies)
            while not self._submit_all(active, requests):
                requests = active.flow.send(active.take_replies())
        except StopIteration as stop:
            shortfalls = active.shortfalls + Shortfalls.of_candidates(stop.value)
            self.ledger.absorb(active.ledger)
            cost = active.ledger.tokens, active.ledger.flops()
            self._done.append(Outcome(active.problem, stop.value, *cost, shortfalls, active.tree.tree(stop.value)))

    def _submit_all(self, active: _ActiveFlow, requests: list[Request]) -> bool:
        """Queue the requests; return whether there is anything to wait for."""
        active.begin(requests)
        with self._timed(None):
            self._submit_each(active, requests)
        return active.missing > 0

    def _submit_each(self, active: _ActiveFlow, requests: list[Request]) -> None:
        for position, request in enumerate(requests):
            if isinstance(request, Score):
                with _reported("score"):
                    self._submit_score(active, position, request)
                continue
            with _reported("generate"):
                if request.temperature == 0:
                    self._submit_once(self._generator, active, position, request)
                else:
                    draw = active.draws[request]  # two equal beams still get different samples
                    active.draws[request] += 1
                    self._generator.submit(self._ticket(active, position, request), request, Draw(self._seed, draw))

    def _submit_score(self, active: _ActiveFlow, position: int, request: Score) -> None:
        if self._verifier is None:
            raise RunError("the strategy asks for scores, but no verifier was started; choose one, e.g. prm=pocket.")
        if request.trace.steps:
            self._submit_once(self._verifier, active, position, request)
        else:
            active.receive(position, 0.0)  # the problem fills the generator's context: there is nothing to read

    def _submit_once(self, engine: Engine, active: _ActiveFlow, position: int, request: Request) -> None:
        """Queue a score or a greedy sample, unless this problem has requested the same before."""
        key = active.keys.get(request)
        if key is None:
            key = active.keys[request] = engine.key(request, Draw())
        known = active.known.get(key)
        if isinstance(known, _Ticket):
            known.positions.append(position)
        elif known is not None:
            active.receive(position, known)
        else:
            number = self._ticket(active, position, request, key)
            active.known[key] = self._tickets[number]
            engine.submit(number, request, Draw())

    def _ticket(self, active: _ActiveFlow, position: int, request: Request, key: bytes | None = None) -> int:
        self._issued += 1
        self._tickets[self._issued] = _Ticket(active, request, [position], key)
        return self._issued

    def _deliver(self, found: EngineReply) -> None:
        ticket = self._tickets.pop(found.ticket)
        active, usage = ticket.active, found.usage
        _refuse_wrong_type(ticket.request, found.reply)
        if ticket.key is not None:
            active.known[ticket.key] = found.reply
        if isinstance(found.reply, float):
            tokens = active.ledger.charge_score(usage.prompt, usage.cached)
        else:
            tokens = active.ledger.charge_sample(usage.prompt, usage.cached, usage.decoded)
        active.shortfalls += Shortfalls.of_reply(ticket.request, found)
        if not found.replayed:
            self.on_tokens(tokens)
        for position in ticket.positions:
            active.receive(position, found.reply)
        if active.missing == 0:
            self._advance(active, active.take_replies())


@contextmanager
def _reported(task: str) -> Iterator[None]:
    """Turn whatever an engine raises into one line that says which engine, which error and, without a message, where.

    Raises:
        RunError: always where the block raises, unless it raises one itself, or a UserError.
    """
    try:
        yield
    except (RunError, UserError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        if not reason:
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"in {place.name}, {Path(place.filename).name}:{place.lineno}"
        raise RunError(
            f"the engine that should {task} died ({type(error).__name__}: {reason}); run the same command again: "
            "with a store, it continues where it stopped."
        ) from error


def _refuse_wrong_type(request: Request, reply: Reply) -> None:
    """A trace answers a sample and a float a score; anything else is a bug in the engine, which must not pass."""
    expected = Trace if isinstance(request, Sample) else float
    if not isinstance(reply, expected):
        raise TypeError(
            f"a {type(request).__name__} request must be answered with a {expected.__name__}, "
            f"not a {type(reply).__name__}"
        )


def start_flows(problems: Iterable[Problem], solve: Callable[[Problem], Flow]) -> Iterator[tuple[Problem, Flow]]:
    """Pair each problem with its flow, created only when the runner has room for it."""
    return ((problem, solve(problem)) for problem in problems)
