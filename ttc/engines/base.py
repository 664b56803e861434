"""The seam between runner and models: an engine takes requests at any time and returns replies as they finish."""

from __future__ import annotations

import gc
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Protocol

from ttc.cost import ModelShape
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.models import Embeddings
from ttc.types import Problem, Reply, Request


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one reply cost."""

    prompt: int = 0  # computed: not served from the prefix cache
    cached: int = 0  # served from the prefix cache
    decoded: int = 0


@dataclass(frozen=True, slots=True)
class EngineReply:
    """The reply to the request that was submitted under `ticket`."""

    ticket: int
    reply: Reply
    usage: Usage
    replayed: bool = False  # served from the store: its usage was spent in an earlier run
    partial: bool = False  # a score of the trace's beginning alone: the rest exceeds the verifier's context
    hidden_attempts: int = 0  # of the trace's attempts: the oldest, for which the generator's context had no room


@dataclass(frozen=True, slots=True)
class Draw:
    """Identifies one independent sample of a request: the run's seed and a counter.

    Its `repr` is part of the store's keys and of every sample's random seed: renaming a field changes all samples.
    """

    seed: int = 0
    index: int = 0


class Engine(Protocol):
    """A running model that continues or scores many traces at once."""

    @property
    def shape(self) -> ModelShape | None:
        """The sizes that determine FLOPs; None where they are unknown."""

    def key(self, request: Request, draw: Draw) -> bytes:
        """Digest everything that determines the reply: checkpoint, sampling parameters, token ids, and the draw."""

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        """Queue a request. Requests that differ only in `draw` are independent samples."""

    def poll(self) -> list[EngineReply]:
        """Work for a moment and return the replies that are ready, possibly none."""

    @property
    def is_busy(self) -> bool:
        """Whether any request is queued or running."""

    @property
    def decoding_tokens(self) -> int:
        """Tokens decoded so far for samples that are not finished."""


class Memory(Protocol):
    """What earlier loads found out, by key."""

    def get(self, key: bytes) -> str | None:
        """Return what is remembered."""

    def keep(self, key: bytes, body: str) -> None:
        """Remember it."""

    def drop(self, key: bytes) -> None:
        """Forget it."""


SPEED_SETTINGS = frozenset({"max_num_seqs", "gpu_memory_utilization", "kv_cache_gib", "tensor_parallel_size"}) | {
    *("base_url", "api_key_env", "max_in_flight", "timeout_seconds", "patience_seconds")
}
"""Settings of an engine that affect its speed, or where it is, and not what it replies."""


@dataclass
class EngineConfig(ABC):
    """A model in a run's config. Subclasses are dataclasses whose fields are the keys of their YAML file."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What tables, summary.json and the store call this model."""

    @property
    def gpus_per_engine(self) -> int:
        """GPUs that one engine occupies; each of several worker processes gets as many."""
        return 1

    @property
    def notes(self) -> list[str]:
        """What a run's summary must say about how this model was asked."""
        return []

    @property
    def trained_on(self) -> frozenset[str]:
        """Digests of the problems that the checkpoint learnt from, where it says so (`ttc.engines.provenance`)."""
        return frozenset()

    def fingerprint(self) -> str:
        """Return a digest of what determines the replies: the model, and how it is asked."""
        return digest(type(self).__qualname__, sorted(self.changed_settings().items())).hex()

    def changed_settings(self) -> dict[str, Any]:
        """Return the settings that affect replies, as far as they are not at their defaults."""
        changed = {}
        for setting in fields(self):
            value, default = getattr(self, setting.name), setting.default
            if setting.default_factory is not MISSING:
                default = setting.default_factory()
            if setting.name not in SPEED_SETTINGS and value != default:
                changed[setting.name] = value
        return changed

    def file_digests(self) -> dict[str, str]:
        """Return, for each setting that names a file, what identifies its content."""
        return {}

    def check(self) -> None:
        """Refuse impossible values before any weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    @abstractmethod
    def start(self) -> Engine:
        """Load the weights."""

    def start_with(self, memory: Memory) -> Engine:
        """Load the weights, or put that off if what an earlier load found out suffices to look replies up."""
        return self.start()


@dataclass
class Generator(EngineConfig):
    """A config whose engine answers `Sample` requests (the config group `generator`)."""

    @property
    def token_limit(self) -> str:
        """What bounds a solution's tokens, for messages."""
        return "the generator's limit of tokens"

    def check_problems(self, problems: Sequence[Problem]) -> None:
        """Refuse a run in which no problem leaves room for a solution, before any weights load.

        Raises:
            UserError: with a problem's id, its size, the limit and the remedy.
        """

    def embed(self, problems: Sequence[Problem]) -> Embeddings:
        """Return what the generator makes of each problem before it writes anything.

        Raises:
            UserError: this generator shows no hidden states.
        """
        raise UserError(
            f"{self.name} shows no hidden states, which difficulty=learned reads; use difficulty=predicted."
        )


@dataclass
class Verifier(EngineConfig):
    """A config whose engine answers `Score` requests: a PRM, an ORM or a judge (the config group `prm`)."""


class Releasable(Protocol):
    """A model that holds memory, on a device or in another process."""

    def release(self) -> None:
        """Give the memory back. Whoever asks the model again loads it again."""


_engines: dict[str, Engine] = {}
_holders: weakref.WeakSet[Releasable] = weakref.WeakSet()


def start_engine(config: EngineConfig, memory: Memory | None = None) -> Engine:
    """Return the engine of this config, loaded at most once per process: the jobs of a sweep share it."""
    kind = type(config)
    # `asdict` forgets the classes of an ensemble's members, and a repr may leave out fields.
    key = f"{kind.__module__}.{kind.__qualname__} {sorted(asdict(config).items())!r} {config!r}"
    if key not in _engines:
        _engines[key] = config.start() if memory is None else config.start_with(memory)
        gc.collect()
        gc.freeze()  # engines live as long as the process: later collections need not traverse them
    return _engines[key]


def running_engines() -> list[Engine]:
    """Return the engines that this process has started and not released."""
    return [*_engines.values()]


def add_holder(holder: Releasable) -> None:
    """Let `release_engines` release a model for as long as it lives."""
    _holders.add(holder)


def release_engines() -> None:
    """Give back the memory of every model in this process; `start_engine` loads what is needed again."""
    _engines.clear()
    for holder in [*_holders]:
        holder.release()
    gc.unfreeze()
    gc.collect()
