"""Engines whose replies are stored: known replies are replayed, new ones are persisted before they are returned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ttc.cost import ModelShape
from ttc.engines.base import Draw, Engine, EngineReply, Usage
from ttc.store.database import Store
from ttc.types import FinishReason, Request, Sample, Score, Step, Trace


class StoreMemory:
    """What engines find out while they load, kept in the store."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    def get(self, key: bytes) -> str | None:
        return self._store.get(key)

    def keep(self, key: bytes, body: str) -> None:
        self._store.keep([(key, self._name, "load", body)])

    def drop(self, key: bytes) -> None:
        self._store.drop_damaged(key)


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
        replayed = self._stored(key, ticket, request)
        if replayed is not None:
            self._replayed.append(replayed)
            return
        self._submitted[ticket] = (key, request)
        self._engine.submit(ticket, request, draw)

    def _stored(self, key: bytes, ticket: int, request: Request) -> EngineReply | None:
        """Return the stored reply; one that cannot be read is dropped, to be computed again."""
        body = self._store.get(key)
        try:
            return None if body is None else decode_reply(ticket, request, body)
        except ValueError:
            self._store.drop_damaged(key)
            return None

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
            yield found if stored == ours else self._first(found, request, stored)

    def _first(self, found: EngineReply, request: Request, stored: str) -> EngineReply:
        """Return the reply that another process stored first; ours, if that one cannot be read."""
        try:
            return decode_reply(found.ticket, request, stored)
        except ValueError:
            return found


def _kind(request: Request) -> str:
    return "sample" if isinstance(request, Sample) else "score"


def encode_reply(found: EngineReply, request: Request) -> str:
    """Return a reply as JSON: `{"usage": [prompt, cached, decoded]}` with `value`, or with `finish` and new `steps`.

    What could not be done as asked is added where it is so: `partial`, `hidden_attempts`.
    """
    usage, reply = found.usage, found.reply
    counts = [usage.prompt, usage.cached, usage.decoded]
    if isinstance(reply, float):
        partial = {"partial": True} if found.partial else {}
        return json.dumps({"value": reply, "usage": counts, **partial})
    hidden = {"hidden_attempts": found.hidden_attempts} if found.hidden_attempts else {}
    steps = [[step.text, step.token_ids] for step in reply.steps[len(request.trace.steps) :]]
    return json.dumps({"finish": reply.finish, "steps": steps, "usage": counts, **hidden}, separators=(",", ":"))


def decode_reply(ticket: int, request: Request, body: str) -> EngineReply:
    """Return what `encode_reply` wrote as the reply to `request`.

    Raises:
        ValueError: the body is damaged, or the reply to another kind of request.
    """
    try:
        fields: dict[str, Any] = json.loads(body)
        prompt, cached, decoded = _whole_numbers(fields["usage"])
        return EngineReply(
            ticket,
            _decoded_value(fields) if isinstance(request, Score) else _decoded_trace(fields, request),
            Usage(prompt, cached, decoded),
            replayed=True,
            partial=bool(fields.get("partial")),
            hidden_attempts=int(fields.get("hidden_attempts", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"a damaged reply ({type(error).__name__}: {error})") from None


def _decoded_value(fields: Mapping[str, Any]) -> float:
    value = fields["value"]
    if type(value) not in (float, int):
        raise TypeError("the value is not a number")
    return float(value)


def _decoded_trace(fields: Mapping[str, Any], request: Sample) -> Trace:
    steps = tuple(Step(_text(text), _whole_numbers(token_ids)) for text, token_ids in fields["steps"])
    return request.trace.extended(steps, FinishReason(fields["finish"]))


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("a step is not text")
    return text


def _whole_numbers(numbers: Sequence[int]) -> tuple[int, ...]:
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError("counts and token ids are whole numbers")
    return tuple(numbers)
