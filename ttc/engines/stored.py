"""Engines whose replies are stored: known replies are replayed, new ones are persisted before they are returned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ttc.cost import ModelShape
from ttc.engines.base import Draw, Engine, EngineReply, Usage
from ttc.store.database import Store
from ttc.types import FinishReason, Reply, Request, Sample, Step


class StoredEngine:
    """An engine that looks replies up in the store, and persists each new one before returning it."""

    def __init__(self, engine: Engine, store: Store, name: str) -> None:
        self._engine, self._store, self._name = engine, store, name
        self._submitted: dict[int, tuple[bytes, Request]] = {}
        self._replayed: list[EngineReply] = []

    @property
    def shape(self) -> ModelShape | None:
        return self._engine.shape

    def key(self, request: Request, draw: Draw) -> bytes:
        return self._engine.key(request, draw)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        key = self._engine.key(request, draw)
        body = self._store.get(key)
        if body is not None:
            self._replayed.append(decode_reply(ticket, request, body))
            return
        self._submitted[ticket] = (key, request)
        self._engine.submit(ticket, request, draw)

    @property
    def is_busy(self) -> bool:
        return bool(self._replayed) or self._engine.is_busy

    @property
    def decoding_tokens(self) -> int:
        return self._engine.decoding_tokens

    def poll(self) -> list[EngineReply]:
        replayed, self._replayed = self._replayed, []
        new = self._engine.poll() if self._engine.is_busy else []
        return replayed + list(self._persisted(new))

    def _persisted(self, replies: Iterable[EngineReply]) -> Iterator[EngineReply]:
        new = [(found, *self._submitted.pop(found.ticket)) for found in replies]
        if not new:
            return
        rows = [(key, self._name, _kind(request), encode_reply(found, request)) for found, key, request in new]
        for (found, _, request), (_, _, _, ours), stored in zip(new, rows, self._store.keep(rows), strict=True):
            yield found if stored == ours else decode_reply(found.ticket, request, stored)


def _kind(request: Request) -> str:
    return "sample" if isinstance(request, Sample) else "score"


def encode_reply(found: EngineReply, request: Request) -> str:
    """Return a reply as JSON: `{"usage": [prompt, cached, decoded]}` with `value`, or with `finish` and new `steps`."""
    usage, reply = found.usage, found.reply
    counts = [usage.prompt, usage.cached, usage.decoded]
    if isinstance(reply, float):
        return json.dumps({"value": reply, "usage": counts})
    steps = [[step.text, step.token_ids] for step in reply.steps[len(request.trace.steps) :]]
    return json.dumps({"finish": reply.finish, "steps": steps, "usage": counts}, separators=(",", ":"))


def decode_reply(ticket: int, request: Request, body: str) -> EngineReply:
    """Return what `encode_reply` wrote as the reply to `request`."""
    fields: dict[str, Any] = json.loads(body)
    reply: Reply
    if "value" in fields:
        reply = float(fields["value"])
    else:
        steps = tuple(Step(text, tuple(token_ids)) for text, token_ids in fields["steps"])
        reply = request.trace.extended(steps, FinishReason(fields["finish"]))
    return EngineReply(ticket, reply, Usage(*fields["usage"]), replayed=True)
