"""The tree of the steps that a search samples, built from what its flow requests and receives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc.runs.trees import SearchTree
from ttc.types import Candidate, FinishReason, Reply, Request, Sample, Step, Trace

PROBLEM = -1  # the parent of first steps
_NO_STEP = Step("", ())


class TreeBuilder:
    """Records a flow's stepwise samples and the verifier's values of them; a flow without such samples makes no tree.

    Greedy samples of such a flow look ahead. Whole solutions that a flow samples beside its search, such as a
    controller's probes, are not part of the tree.
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._texts: list[str] = []
        self._values: list[float | None] = []
        self._rounds: list[int] = []
        self._draws: list[int] = []
        self._finishes: list[FinishReason] = []
        self._rollouts: list[bool] = []
        self._children: dict[tuple[int, Step], int] = {}
        # By identity: hashing a trace again and again would take longer than everything else here. The traces are kept
        # so that no other gets the identity of one.
        self._ends: dict[int, tuple[Trace, int]] = {}
        self._round = 0

    def add(self, requests: Sequence[Request], replies: Sequence[Reply]) -> None:
        """Record one batch of requests with their replies."""
        if any(isinstance(request, Sample) and _is_step(request) and not _looks_ahead(request) for request in requests):
            self._round += 1
        for request, reply in zip(requests, replies, strict=True):
            if isinstance(reply, float):
                self._set_value(request.trace, reply)
            elif isinstance(request, Sample) and _is_step(request):
                self._grow(request, reply)

    def tree(self, candidates: Iterable[Candidate]) -> SearchTree | None:
        """Return the tree of a finished flow; None where it did not search."""
        if not self._parents:
            return None
        ends = [self._end(candidate.trace) for candidate in candidates]
        return SearchTree(
            parents=tuple(self._parents),
            texts=tuple(self._texts),
            values=tuple(self._values),
            rounds=tuple(self._rounds),
            draws=tuple(self._draws),
            finishes=tuple(map(str, self._finishes)),
            rollouts=tuple(self._rollouts),
            candidates=tuple(PROBLEM if end is None else end for end in ends),
        )

    def _set_value(self, trace: Trace, value: float) -> None:
        if not self._parents or not trace.steps:  # a trace without steps has a value that no verifier gave
            return
        node = self._end(trace)
        if node is not None and node != PROBLEM and 0 <= value <= 1:  # a verifier that breaks its contract gave none
            self._values[node] = value

    def _grow(self, request: Sample, reply: Trace) -> None:
        """Add the new steps of a reply below the trace that it continues."""
        node = self._end(request.trace)
        if node is None:
            node = self._added(request.trace)
        ahead = _looks_ahead(request)
        new = reply.steps[len(request.trace.steps) :] or (_NO_STEP,)
        for step in new:
            node = self._sampled(node, step, ahead)
        self._finishes[node] = reply.finish or FinishReason.STEP
        self._ends[id(reply)] = reply, node

    def _sampled(self, parent: int, step: Step, ahead: bool) -> int:
        """Count one draw of a step; return its node."""
        node = self._children.get((parent, step))
        if node is None:
            node = self._new_node(parent, step, ahead)
        elif self._rollouts[node] and not ahead:  # from now on a step of the search
            self._rollouts[node], self._rounds[node], self._draws[node] = False, self._round, 0
        if self._rollouts[node] == ahead:
            self._draws[node] += 1
        return node

    def _new_node(self, parent: int, step: Step, ahead: bool) -> int:
        node = self._children[parent, step] = len(self._parents)
        self._parents.append(parent)
        self._texts.append(step.text)
        self._values.append(None)
        self._rounds.append(max(self._round, 1))
        self._draws.append(0)
        self._finishes.append(FinishReason.STEP)
        self._rollouts.append(ahead)
        return node

    def _end(self, trace: Trace) -> int | None:
        """Return the node at which a trace ends; None where it is not in the tree."""
        known = self._ends.get(id(trace))
        if known is not None:
            return known[1]
        node = PROBLEM
        for step in trace.steps:
            child = self._children.get((node, step))
            if child is None:
                return None
            node = child
        return node

    def _added(self, trace: Trace) -> int:
        """Add the steps of a trace that was sampled otherwise, e.g. as a part of a whole solution: without a draw."""
        node = PROBLEM
        for step in trace.steps:
            known = self._children.get((node, step))
            node = self._new_node(node, step, ahead=False) if known is None else known
        return node


def _is_step(request: Sample) -> bool:
    return request.max_steps is not None


def _looks_ahead(request: Sample) -> bool:
    return request.temperature == 0
