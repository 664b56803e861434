"""The few words that strategies are written in."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Protocol, TypeVar

from ttc.types import Candidate, Flow, Problem, Reply, Request, Sample, Score, Trace

T = TypeVar("T")
Asking = Generator[list[Request], list[Reply], T]
"""A part of a flow: it asks, is answered, and returns a T to the `yield from` that runs it."""


class Strategy(Protocol):
    """A way to spend a budget of generations on one problem."""

    needs_prm: ClassVar[bool]
    is_parallel: ClassVar[bool]  # are the candidates independent samples of whole solutions?

    @property
    def generations_each(self) -> int:
        """How many generations of the budget a candidate has cost."""

    def check(self, budget: int) -> None:
        """Refuse a budget that this strategy cannot spend exactly.

        Raises:
            UserError: with the nearest budgets that work.
        """

    def solve(self, problem: Problem, budget: int) -> Flow:
        """Spend `budget` generations on the problem."""


def sample(
    traces: Sequence[Trace], *, max_steps: int | None = None, temperature: float | None = None
) -> Asking[list[Trace]]:
    """Continue each trace once: to its end, or by at most `max_steps` steps."""
    replies = yield [Sample(trace, max_steps, temperature) for trace in traces]
    return [reply for reply in replies if isinstance(reply, Trace)]


def score(traces: Sequence[Trace]) -> Asking[list[float]]:
    """The verifier's value after the newest step of each trace, in [0, 1]."""
    replies = yield [Score(trace) for trace in traces]
    return [reply for reply in replies if isinstance(reply, float)]


def score_steps(traces: Sequence[Trace]) -> Asking[list[tuple[float, ...]]]:
    """The verifier's values after every step of each trace, in [0, 1]."""
    values = yield from score([trace.prefix(n + 1) for trace in traces for n in range(len(trace.steps))])
    remaining = iter(values)
    return [tuple(islice(remaining, len(trace.steps))) for trace in traces]


def together(parts: Sequence[Asking[T]]) -> Asking[list[T]]:
    """Run several flows side by side, their requests in one batch; return what each returns, in order."""
    results: dict[int, T] = {}
    asked: dict[int, list[Request]] = {}

    def advance(number: int, replies: list[Reply] | None) -> None:
        part = parts[number]
        try:
            asked[number] = next(part) if replies is None else part.send(replies)
        except StopIteration as stop:
            results[number] = stop.value

    for number in range(len(parts)):
        advance(number, None)
    while asked:
        waiting, asked = asked, {}
        replies = iter((yield [request for requests in waiting.values() for request in requests]))
        for number, requests in waiting.items():
            advance(number, list(islice(replies, len(requests))))
    return [results[number] for number in range(len(parts))]


@dataclass(frozen=True)
class Node:
    """A trace under search, with the verifier's values of its steps so far."""

    trace: Trace
    values: tuple[float, ...] = ()

    @property
    def value(self) -> float:
        return self.values[-1]

    def candidate(self) -> Candidate:
        return Candidate(self.trace, self.values)
