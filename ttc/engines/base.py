"""What the runner asks of an engine: take requests at any time, hand back replies as they finish."""

from __future__ import annotations

import gc
import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ttc.ledger import Shape
from ttc.types import Reply, Request


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one reply cost. `cached` prompt tokens were read from the prefix cache."""

    prompt: int = 0  # prompt tokens computed anew
    cached: int = 0
    decoded: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """A reply to the request that was submitted under `ticket`."""

    ticket: int
    reply: Reply
    usage: Usage
    replayed: bool = False  # from the store: it cost this much once, and nothing now


@dataclass(frozen=True, slots=True)
class Draw:
    """Which of the endless independent samples of one request is meant: the run's seed and a count."""

    seed: int = 0
    index: int = 0


class Engine(Protocol):
    """A model that continues or scores traces, many at a time."""

    @property
    def shape(self) -> Shape | None:
        """The sizes that decide FLOPs; None where they are unknown."""

    def key(self, request: Request, draw: Draw) -> bytes:
        """A digest of all that decides the reply: checkpoint, sampling parameters, token ids, and a sample's draw."""

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        """Queue a request. Requests that are equal but for `draw` are independent samples."""

    def poll(self) -> list[Finished]:
        """Work for a moment; return what finished. Empty when nothing did."""

    @property
    def is_busy(self) -> bool:
        """Is anything queued or running?"""

    @property
    def decoding_tokens(self) -> int:
        """Tokens decoded so far for samples that are not finished."""


def digest(*content: object) -> bytes:
    """16 bytes that depend on the content alone: not on order, batch or process."""
    return hashlib.blake2b(repr(content).encode(), digest_size=16).digest()


def seed_of(*content: object) -> int:
    """A 63-bit seed that depends on the content alone."""
    return int.from_bytes(hashlib.blake2b(repr(content).encode(), digest_size=8).digest(), "big") >> 1


_started: dict[str, Any] = {}


class EngineConfig(Protocol):
    """A config object that can start its engine."""

    def start(self) -> Engine:
        """Load the weights."""


def started(config: EngineConfig) -> Engine:
    """The engine of this config, started at most once in a process: a sweep's jobs share it."""
    key = f"{type(config).__qualname__} {sorted(asdict(config).items())!r}"  # type: ignore[call-overload]
    if key not in _started:
        _started[key] = config.start()
        gc.collect()
        gc.freeze()  # an engine lives as long as the process: the collector need not look through it again
    engine: Engine = _started[key]
    return engine
