"""A running verifier: values of traces from a scorer of tokens, in this process or on a server."""

from __future__ import annotations

import math

from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.formats import Reading
from ttc.engines.generator_engine import ServedModel
from ttc.engines.reading import ReadingSettings
from ttc.engines.scorer import Scored, Scorer
from ttc.errors import RunError
from ttc.hashing import digest
from ttc.types import Request, Score, Trace


class VerifierEngine:
    """Scores traces as far as they go, or as far as the verifier's context does: up to the last whole step in it.

    A trace of which not even the first step fits has the value 0, so that none that was read is behind it.
    """

    def __init__(
        self, config: ReadingSettings, identity: tuple[object, ...], model: ServedModel, scorer: Scorer
    ) -> None:
        """Take a model and the scorer that runs it.

        Args:
            config: how solutions are read.
            identity: what the store's keys say about the checkpoint and how it is run, the checkpoint first.
            model: its tokenizer and facts.
            scorer: what reads its ids.
        """
        self._config, self._scorer, self._name = config, scorer, model.name
        self._format = config.step_format(model.tokenizer)
        self._max_model_len = model.facts.max_model_len
        self._running: dict[int, bool] = {}  # ticket -> whether a part alone is read
        self._unread: list[int] = []
        checkpoint, *changed = identity
        self._identity = (checkpoint, *config.reading_identity(), *changed)
        self.shape = model.shape

    def key(self, request: Request, draw: Draw) -> bytes:
        reading = self._reading(request)
        if not reading.partial:
            return digest(self._identity, reading.ids)
        # The whole trace counts too: otherwise it would pass for the part of it that is read.
        return digest(self._identity, reading.ids, "partial", self._format.ids(_trace(request)))

    def _reading(self, request: Request) -> Reading:
        return self._format.reading(_trace(request), self._max_model_len)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        reading = self._reading(request)
        if not reading.ids:
            self._unread.append(ticket)
            return
        self._running[ticket] = reading.partial
        self._scorer.submit(ticket, reading.ids)

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._unread)

    @property
    def decoding_tokens(self) -> int:
        return 0

    def poll(self) -> list[EngineReply]:
        unread, self._unread = self._unread, []
        replies = [EngineReply(ticket, 0.0, Usage(), partial=True) for ticket in unread]
        return replies + [self._reply(scored) for scored in (self._scorer.poll() if self._running else ())]

    def _reply(self, scored: Scored) -> EngineReply:
        partial = self._running.pop(scored.ticket)
        wanted, classes = self._config.positive_class, len(scored.values)
        if wanted >= classes:
            raise RunError(
                f"prm.positive_class={wanted}: {self._name} gives {classes} value{'s' * (classes > 1)}; use at most "
                f"{classes - 1}."
            )
        value = scored.values[wanted]
        if not math.isfinite(value):
            raise RunError(f"prm.model={self._name}: a value is {value}, not a number; run it in float32.")
        return EngineReply(scored.ticket, value, Usage(scored.prompt_tokens, scored.cached_tokens), partial=partial)


def _trace(request: Request) -> Trace:
    assert isinstance(request, Score)
    return request.trace
