"""Strategies without a model: receive a flow's requests, send it replies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from ttc.strategies.base import Strategy
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Score, Step, Trace

PROBLEM = Problem(id="p1", question="What is $1+1$?", gold="2", level=1)
OTHER = Problem(id="p2", question="What is $2+2$?", gold="4", level=2)

ANSWER = "The answer is $\\boxed{2}$."


def step(text: str) -> Step:
    """Return a step whose token ids are the code points of its characters."""
    return Step(text, tuple(map(ord, text)))


def grown(trace: Trace, text: str, finish: FinishReason = FinishReason.STEP) -> Trace:
    """Return the trace with one more step."""
    return trace.extended((step(text),), finish)


def solved(trace: Trace, answer: str = "2") -> Trace:
    """Return the trace with a last step that states the answer."""
    return grown(trace, f"The answer is $\\boxed{{{answer}}}$.", FinishReason.STOP)


def start(flow: Flow) -> list[Request]:
    """Return the first requests of a flow."""
    return next(flow)


def finish(flow: Flow, replies: Sequence[Reply]) -> list[Candidate]:
    """Send the last replies and return the candidates that the flow returns."""
    try:
        flow.send(list(replies))
    except StopIteration as stop:
        candidates: list[Candidate] = stop.value
        return candidates
    raise AssertionError("the flow yielded further requests")


def drive(flow: Flow, answer: Callable[[Request], Reply]) -> tuple[list[Candidate], list[list[Request]]]:
    """Run a flow to its end; return its candidates and every batch of requests."""
    batches = []
    try:
        requests = next(flow)
        while True:
            batches.append(requests)
            requests = flow.send([answer(request) for request in requests])
    except StopIteration as stop:
        return stop.value, batches


class RandomReplies:
    """Replies at random, reproducibly; counts requests by kind: `samples`, `greedy` samples and `scores`."""

    def __init__(self, seed: int, stop_probability: float = 0.3) -> None:
        self._rng, self._stop_probability = random.Random(seed), stop_probability
        self.counts: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply:
        if isinstance(request, Score):
            self.counts["scores"] += 1
            return self._rng.random()
        self.counts["greedy" if request.temperature == 0 else "samples"] += 1
        trace = request.trace
        for _ in range(request.max_steps or 20):
            if self._rng.random() < self._stop_probability:
                return solved(trace, str(self._rng.randrange(3)))
            trace = grown(trace, f"{self._rng.random()}\n")
        return trace if request.max_steps else solved(trace)


def generations_spent(strategy: Strategy, budget: int, replies: RandomReplies) -> int:
    """Solve a problem with random replies; assert that every candidate is finished, and return what they cost."""
    strategy.check(budget)
    candidates, _ = drive(strategy.solve(PROBLEM, budget), replies)
    assert all(candidate.trace.is_finished for candidate in candidates)
    return sum(candidate.generations for candidate in candidates)
