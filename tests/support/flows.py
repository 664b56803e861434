"""Driving a strategy by hand: expect requests, send replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Step, Trace

PROBLEM = Problem(id="p1", question="What is $1+1$?", gold="2", level=1)
OTHER = Problem(id="p2", question="What is $2+2$?", gold="4", level=2)

ANSWER = "The answer is $\\boxed{2}$."


def step(text: str) -> Step:
    """A step whose token ids are its characters."""
    return Step(text, tuple(map(ord, text)))


def grown(trace: Trace, text: str, finish: FinishReason = FinishReason.STEP) -> Trace:
    return trace.extended((step(text),), finish)


def solved(trace: Trace, answer: str = "2") -> Trace:
    return grown(trace, f"The answer is $\\boxed{{{answer}}}$.", FinishReason.STOP)


def start(flow: Flow) -> list[Request]:
    return next(flow)


def finish(flow: Flow, replies: Sequence[Reply]) -> list[Candidate]:
    """Send the last replies and return what the flow returns."""
    try:
        flow.send(list(replies))
    except StopIteration as stop:
        candidates: list[Candidate] = stop.value
        return candidates
    raise AssertionError("the flow asked for more")


def drive(flow: Flow, answer: Callable[[Request], Reply]) -> tuple[list[Candidate], list[list[Request]]]:
    """Run a flow to its end; return its candidates and every batch of requests."""
    asked = []
    try:
        requests = next(flow)
        while True:
            asked.append(requests)
            requests = flow.send([answer(request) for request in requests])
    except StopIteration as stop:
        return stop.value, asked
