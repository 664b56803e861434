"""The vocabulary that strategies are written in: `sample`, `score`, and running flows side by side."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from ttc.types import Candidate, Reply, Request, Sample, Score, Trace

T = TypeVar("T")
R = TypeVar("R", Trace, float)

SubFlow = Generator[list[Request], list[Reply], T]
"""A part of a flow: it yields requests, receives replies, and returns a T to the `yield from` that runs it."""


def sample(
    traces: Sequence[Trace], *, max_steps: int | None = None, temperature: float | None = None
) -> SubFlow[list[Trace]]:
    """Continue each trace once: to its end, or by at most `max_steps` steps."""
    replies = yield [Sample(trace, max_steps, temperature) for trace in traces]
    return _expect(Trace, replies, len(traces))


def score(traces: Sequence[Trace]) -> SubFlow[list[float]]:
    """Return the verifier's value after the newest step of each trace, in [0, 1]."""
    replies = yield [Score(trace) for trace in traces]
    return _expect(float, replies, len(traces))


def score_steps(traces: Sequence[Trace]) -> SubFlow[list[tuple[float, ...]]]:
    """Return the verifier's values after every step of each trace, in [0, 1]; a single 0 where there is no step."""
    values = yield from score([trace.prefix(n + 1) for trace in traces for n in range(len(trace.steps))])
    remaining = iter(values)
    return [tuple(islice(remaining, len(trace.steps))) or (0.0,) for trace in traces]


def side_by_side(parts: Sequence[SubFlow[T]]) -> SubFlow[list[T]]:
    """Run several flows at once, their requests in one batch; return what each returns, in order."""
    results: dict[int, T] = {}
    requested: dict[int, list[Request]] = {}

    def advance(number: int, replies: list[Reply] | None) -> None:
        part = parts[number]
        try:
            requested[number] = next(part) if replies is None else part.send(replies)
        except StopIteration as stop:
            results[number] = stop.value

    for number in range(len(parts)):
        advance(number, None)
    while requested:
        waiting, requested = requested, {}
        replies = iter((yield [request for requests in waiting.values() for request in requests]))
        for number, requests in waiting.items():
            advance(number, list(islice(replies, len(requests))))
    return [results[number] for number in range(len(parts))]


def _expect(kind: type[R], replies: Sequence[Reply], count: int) -> list[R]:
    """Return the replies, which must be `count` of one kind: an engine that breaks this has a bug, not a bad sample."""
    checked = [reply for reply in replies if isinstance(reply, kind)]
    if len(replies) != count or len(checked) != count:
        kinds = ", ".join(sorted({type(reply).__name__ for reply in replies}))
        raise TypeError(f"expected {count} replies of type {kind.__name__}, got {len(replies)} ({kinds})")
    return checked


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
