"""The verifier in a run's config, where a server runs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ttc.engines.base import Engine, Memory, Verifier
from ttc.engines.formats import FORMATS
from ttc.engines.reading import ReadingSettings
from ttc.engines.scorer import Scorer
from ttc.engines.server.label_scorer import LabelScorer
from ttc.engines.server.model import ServerModel
from ttc.engines.server.scorer import ServerScorer
from ttc.engines.server.settings import ServerSettings
from ttc.engines.verifier_engine import VerifierEngine
from ttc.errors import UserError


class Endpoint(StrEnum):
    """What a server is asked for values."""

    auto = "auto"  # completions for a verifier that answers with a label token, pooling for one with a head
    pooling = "pooling"  # of a model that is served with `--runner pooling`
    completions = "completions"  # the log-probabilities of the label tokens, of a model that generates


@dataclass
class ServerVerifier(ReadingSettings, ServerSettings, Verifier):
    """A verifier that one or several vLLM servers run, and how it reads a solution."""

    endpoint: Endpoint = Endpoint.auto

    group: ClassVar[str] = "prm"

    def check(self) -> None:
        self.check_reading()
        ServerSettings.check(self)
        if self.endpoint is Endpoint.completions and not self.label_tokens:
            raise UserError(
                'prm.endpoint=completions needs prm.label_tokens, e.g. ["Yes","No"]; a verifier with a head is asked '
                "by prm.endpoint=pooling."
            )

    @property
    def _asks_completions(self) -> bool:
        return self.endpoint is Endpoint.completions or (self.endpoint is Endpoint.auto and bool(self.label_tokens))

    @property
    def notes(self) -> list[str]:
        if self._asks_completions:
            return []
        return ["the verifier's server does not say what its prefix cache served: all its tokens count as computed"]

    def start(self) -> Engine:
        return self._start(None)

    def start_with(self, memory: Memory) -> Engine:
        return self._start(memory)

    def _start(self, memory: Memory | None) -> Engine:
        model = ServerModel(self, memory, needs_tokenizer=True)
        if missing := self.step_format(model.tokenizer).missing():
            raise UserError(
                f"prm.format={self.format}: the tokenizer of {self.model} has no {missing}; use the format that this "
                f"verifier was trained with, one of {', '.join(FORMATS)}."
            )
        return VerifierEngine(self, self.served_identity(), model, self._scorer(model))

    def _scorer(self, model: ServerModel) -> Scorer:
        if self._asks_completions:
            return LabelScorer(self.label_tokens, model, self.max_in_flight)
        return ServerScorer(self.pooling, model, self.max_in_flight)
