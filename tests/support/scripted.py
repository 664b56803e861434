"""An engine that answers from a function: for tests of the runner, and for dry runs of a strategy without weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ttc.cost import ModelShape
from ttc.engines.base import Draw, EngineReply, Usage
from ttc.hashing import digest
from ttc.types import Reply, Request


class ScriptedEngine:
    """Answers every request with `script(request, draw)`, `per_poll` of them a poll, oldest first.

    A reply of Trace is charged one decoded token for each new id, a score nothing.
    """

    shape: ModelShape | None = None
    decoding_tokens: int = 0

    def __init__(self, script: Callable[[Request, Draw], Reply], per_poll: int = 1) -> None:
        self._script, self._per_poll = script, per_poll
        self._queue: deque[tuple[int, Request, Draw]] = deque()
        self.most_queued = 0

    def key(self, request: Request, draw: Draw) -> bytes:
        return digest(request, draw)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        self._queue.append((ticket, request, draw))
        self.most_queued = max(self.most_queued, len(self._queue))

    @property
    def is_busy(self) -> bool:
        return bool(self._queue)

    def poll(self) -> list[EngineReply]:
        finished = []
        for _ in range(min(self._per_poll, len(self._queue))):
            ticket, request, draw = self._queue.popleft()
            reply = self._script(request, draw)
            decoded = 0 if isinstance(reply, float) else len(reply.token_ids) - len(request.trace.token_ids)
            finished.append(EngineReply(ticket, reply, Usage(decoded=decoded)))
        return finished
