"""An engine whose replies come from a function instead of a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ttc.cost import ModelShape
from ttc.engines.base import Draw, EngineReply, Usage
from ttc.hashing import digest
from ttc.types import Reply, Request


class ScriptedEngine:
    """Replies `script(request, draw)` to every request, at most `per_poll` per poll, oldest first.

    A trace costs one decoded token per new token id; a score costs nothing.

    Attributes:
        most_queued: the largest number of requests that waited at once.
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
        replies = []
        for _ in range(min(self._per_poll, len(self._queue))):
            ticket, request, draw = self._queue.popleft()
            reply = self._script(request, draw)
            decoded = 0 if isinstance(reply, float) else len(reply.token_ids) - len(request.trace.token_ids)
            replies.append(EngineReply(ticket, reply, Usage(decoded=decoded)))
        return replies
