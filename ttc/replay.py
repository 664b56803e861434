"""Engines whose replies are kept: what the store holds is replayed, what is new is stored first of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ttc.engines.base import Draw, Engine, Finished, Usage
from ttc.ledger import Shape
from ttc.store import Store
from ttc.types import Finish, Reply, Request, Sample, Step


class StoredEngine:
    """An engine that asks the store first, and tells it everything new before anybody else hears of it."""

    def __init__(self, engine: Engine, store: Store, name: str) -> None:
        self._engine, self._store, self._name = engine, store, name
        self._asked: dict[int, tuple[bytes, Request]] = {}
        self._known: list[Finished] = []

    @property
    def shape(self) -> Shape | None:
        return self._engine.shape

    def key(self, request: Request, draw: Draw) -> bytes:
        return self._engine.key(request, draw)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        key = self._engine.key(request, draw)
        body = self._store.get(key)
        if body is not None:
            self._known.append(decoded(ticket, request, body))
            return
        self._asked[ticket] = (key, request)
        self._engine.submit(ticket, request, draw)

    @property
    def is_busy(self) -> bool:
        return bool(self._known) or self._engine.is_busy

    @property
    def decoding_tokens(self) -> int:
        return self._engine.decoding_tokens

    def poll(self) -> list[Finished]:
        known, self._known = self._known, []
        new = self._engine.poll() if self._engine.is_busy else []
        return known + list(self._kept(new))

    def _kept(self, finished: Iterable[Finished]) -> Iterator[Finished]:
        new = [(found, *self._asked.pop(found.ticket)) for found in finished]
        if not new:
            return
        rows = [(key, self._name, _kind(request), encoded(found, request)) for found, key, request in new]
        for (found, _, request), (_, _, _, mine), held in zip(new, rows, self._store.keep(rows), strict=True):
            yield found if held == mine else decoded(found.ticket, request, held)


def _kind(request: Request) -> str:
    return "sample" if isinstance(request, Sample) else "score"


def encoded(finished: Finished, request: Request) -> str:
    """A reply as JSON: `{"usage": [prompt, cached, decoded]}` with a `value`, or with `finish` and new `steps`."""
    usage, reply = finished.usage, finished.reply
    counts = [usage.prompt, usage.cached, usage.decoded]
    if isinstance(reply, float):
        return json.dumps({"value": reply, "usage": counts})
    steps = [[step.text, step.token_ids] for step in reply.steps[len(request.trace.steps) :]]
    return json.dumps({"finish": reply.finish, "steps": steps, "usage": counts}, separators=(",", ":"))


def decoded(ticket: int, request: Request, body: str) -> Finished:
    """What `encoded` wrote, as the reply to `request`."""
    found: dict[str, Any] = json.loads(body)
    reply: Reply
    if "value" in found:
        reply = float(found["value"])
    else:
        steps = tuple(Step(text, tuple(token_ids)) for text, token_ids in found["steps"])
        reply = request.trace.extended(steps, Finish(found["finish"]))
    return Finished(ticket, reply, Usage(*found["usage"]), replayed=True)
