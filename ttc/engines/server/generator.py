"""The generator in a run's config, where a server runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ttc.engines.base import Engine, Generator, Memory
from ttc.engines.context import Context, check_room
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.pace import Pace
from ttc.engines.sampling import SamplingSettings
from ttc.engines.server.model import ServerModel
from ttc.engines.server.sampler import ServerSampler
from ttc.engines.server.settings import ServerSettings
from ttc.engines.server.text_engine import TextEngine
from ttc.hashing import digest
from ttc.types import Problem

FIRST_OPEN = 16  # samples; a server says nothing of those that are not finished, so its speed shows late


class Protocol(StrEnum):
    """What is exchanged with a server."""

    token_ids = "token_ids"  # prompts and solutions as token ids: nothing is tokenised twice (vLLM)
    text = "text"  # the server tokenises every prompt again, the solution so far included


@dataclass
class ServerGenerator(SamplingSettings, ServerSettings, Generator):
    """A generator that one or several servers run, how it is asked, and how it is sampled.

    With `protocol=token_ids` the server must be vLLM's, and the model's tokenizer be at hand (`tokenizer`). With
    `protocol=text` any server of OpenAI's protocol will do: solutions are then tokenised again with each step, and the
    run's summary says so. `sampling` is added to the body of every request.
    """

    protocol: Protocol = Protocol.token_ids

    group: ClassVar[str] = "generator"

    def check(self) -> None:
        self.check_prompt()
        self.check_sampling()
        ServerSettings.check(self)

    @property
    def notes(self) -> list[str]:
        if self.protocol is Protocol.token_ids:
            return []
        return [
            "solutions were exchanged with the server as text: it tokenised each prompt again, the solution so far "
            "included; the tokens of single candidates are unknown (0 in problems.jsonl)"
        ]

    @property
    def token_limit(self) -> str:
        return f"generator.max_tokens={self.max_tokens} or at the end of the context (generator.max_model_len)"

    def file_digests(self) -> dict[str, str]:
        return self.example_digests()

    def identity(self) -> tuple[object, ...]:
        """Return what the store's keys say about the model and how it is asked."""
        return (*self.served_identity(), *self.sampling_identity())

    def fingerprint(self) -> str:
        changed = {name: value for name, value in self.changed_settings().items() if name != "few_shot"}
        return digest(type(self).__qualname__, self.identity(), sorted(changed.items())).hex()

    def check_problems(self, problems: Sequence[Problem]) -> None:
        given = self.max_model_len
        context = None if given is None else Context(given, f"generator.max_model_len={given}")
        check_room(self, problems, context, self.load_tokenizer)

    def start(self) -> Engine:
        return self._start(None)

    def start_with(self, memory: Memory) -> Engine:
        return self._start(memory)

    def _start(self, memory: Memory | None) -> Engine:
        model = ServerModel(self, memory, needs_tokenizer=self.protocol is Protocol.token_ids)
        pace = Pace(self.max_in_flight, self.max_tokens / 2, first=FIRST_OPEN)
        if self.protocol is Protocol.text:
            return TextEngine(self, model, pace)
        return GeneratorEngine(self, self.identity(), model, ServerSampler(self, model), pace)
