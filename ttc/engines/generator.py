"""The generator in a run's config: a checkpoint, how it is asked, and how it is sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ttc.engines.base import Engine, Generator
from ttc.engines.context import check_room
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.prompts import PromptSettings
from ttc.engines.vllm_model import VllmModel
from ttc.engines.vllm_setup import VllmSettings, prepare, refuse_unknown
from ttc.errors import UserError
from ttc.models import Embeddings
from ttc.types import Problem

# SamplingParams that follow from the request, and the remedy for each that users might set.
_SET_PER_REQUEST = {
    "seed": "use seed=",
    "max_tokens": "use generator.max_tokens=",
    "temperature": "use generator.temperature=",
    "top_p": "use generator.top_p=",
    "top_k": "use generator.top_k=",
    "stop": "use generator.stop=",
    "stop_token_ids": "use generator.stop=",
    **dict.fromkeys(
        ("n", "include_stop_str_in_output", "detokenize", "output_kind", "skip_clone"),
        "leave it out",
    ),
}


MOST_TOP_K = 2**31 - 1  # vLLM holds it in 32 bits


@dataclass
class VllmGenerator(PromptSettings, VllmSettings, Generator):
    """A generator checkpoint and how it is sampled.

    `prompt` contains `{question}`; with `chat` it is the user's message in the checkpoint's chat template, to which
    `chat_template_kwargs` is passed. `max_tokens` bounds a whole solution, all its steps together. `sampling` goes to
    vLLM's SamplingParams as it is, e.g. `{min_p: 0.05}`.

    A solution ends at any of the checkpoint's end marks, or before one of the strings in `stop`: base models, which go
    on to a problem of their own, need e.g. `["\\n\\nProblem:"]`.

    A revision model is shown earlier attempts: after the prompt, each with its end mark, as in training; in a chat as
    the assistant's turns, each followed by the user's message `revise`. Where they do not fit, the oldest are dropped;
    `max_tokens` reserves at most half of what the problem leaves of the context.
    """

    step_separator: str = "\n"
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    max_tokens: int = 192
    stop: list[str] = field(default_factory=list)
    sampling: dict[str, Any] = field(default_factory=dict)

    group: ClassVar[str] = "generator"

    def check(self) -> None:
        if "{question}" not in self.prompt:
            raise UserError(f"generator.prompt={self.prompt!r} has no {{question}}; put it where the problem goes.")
        if not self.step_separator:
            raise UserError("generator.step_separator is empty; use e.g. '\\n'.")
        if self.max_tokens < 1:
            raise UserError(f"generator.max_tokens={self.max_tokens} is below 1; use 1 or more.")
        if not 0 <= self.temperature < math.inf:  # NaN is not
            raise UserError(
                f"generator.temperature={self.temperature}: must be 0 (greedy) or more, and finite; use e.g. 1.0."
            )
        if not 0 < self.top_p <= 1:
            raise UserError(f"generator.top_p={self.top_p} is not in (0, 1]; use e.g. 1.0.")
        if self.top_k < -1 or self.top_k > MOST_TOP_K:
            raise UserError(f"generator.top_k={self.top_k}: must be from -1 (all tokens) to {MOST_TOP_K}; use e.g. 20.")
        if "" in self.stop:
            raise UserError("generator.stop holds an empty string, at which every solution would end; leave it out.")
        self._check_sampling()
        super().check()
        self._check_chat()

    def _check_chat(self) -> None:
        if self.chat and (tokenizer := self.tokenizer()):
            self.check_template(tokenizer, self.model)

    @property
    def token_limit(self) -> str:
        return f"generator.max_tokens={self.max_tokens} or at the end of the context (generator.max_model_len)"

    def check_problems(self, problems: Sequence[Problem]) -> None:
        check_room(self, problems)

    def _check_sampling(self) -> None:
        for name in self.sampling:
            if remedy := _SET_PER_REQUEST.get(name):
                raise UserError(f"generator.sampling.{name} is set by ttc for each request; {remedy}.")
            if isinstance(self.sampling[name], float) and not math.isfinite(self.sampling[name]):
                raise UserError(f"generator.sampling.{name}={self.sampling[name]}: must be a finite number.")
        if self.sampling:
            prepare()
            from vllm.sampling_params import SamplingParams

            known = dict.fromkeys(SamplingParams.__struct_fields__)
            refuse_unknown(self.sampling, "generator.sampling", known, "SamplingParams")
            try:
                SamplingParams(**self.sampling)
            except Exception as error:  # vLLM has exceptions of its own for impossible values
                raise UserError(f"generator.sampling={self.sampling}: {error}; fix the value.") from None

    def identity(self) -> tuple[object, ...]:
        given = {
            "sampling": sorted(self.sampling.items()),
            "chat_template_kwargs": sorted(self.chat_template_kwargs.items()),
            "stop": self.stop,
        }
        return (*super().identity(), *((name, repr(value)) for name, value in given.items() if value))

    def engine_of(self, model: VllmModel) -> Engine:
        return GeneratorEngine(self, model)

    def embed(self, problems: Sequence[Problem]) -> Embeddings:
        from ttc.engines.embedding import embed_problems

        return embed_problems(self, problems)
