"""The generator in a run's config: a checkpoint that vLLM runs in this process, how it is asked, and how sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ttc.engines.base import Engine, Generator
from ttc.engines.context import check_room, context_of
from ttc.engines.environment import prepare
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.known_fields import refuse_unknown
from ttc.engines.pace import Pace
from ttc.engines.sampling import SamplingSettings
from ttc.engines.vllm_model import VllmModel
from ttc.engines.vllm_sampler import VllmSampler
from ttc.engines.vllm_setup import VllmSettings
from ttc.errors import UserError
from ttc.models import Embeddings
from ttc.types import Problem


@dataclass
class VllmGenerator(SamplingSettings, VllmSettings, Generator):
    """A generator checkpoint, how it is asked, and how it is sampled; `sampling` goes to vLLM's SamplingParams."""

    group: ClassVar[str] = "generator"

    def check(self) -> None:
        self.check_prompt()
        self.check_sampling()
        self._check_with_vllm()
        super().check()
        if self.chat and (tokenizer := self.tokenizer()):
            self.check_template(tokenizer, self.model)

    def _check_with_vllm(self) -> None:
        """Let vLLM judge what is handed through to it."""
        if not self.sampling:
            return
        prepare()
        from vllm.sampling_params import SamplingParams

        known = dict.fromkeys(SamplingParams.__struct_fields__)
        refuse_unknown(self.sampling, "generator.sampling", known, "SamplingParams")
        try:
            SamplingParams(**self.sampling)
        except Exception as error:  # vLLM has exceptions of its own for impossible values
            raise UserError(f"generator.sampling={self.sampling}: {error}; fix the value.") from None

    @property
    def token_limit(self) -> str:
        return f"generator.max_tokens={self.max_tokens} or at the end of the context (generator.max_model_len)"

    def check_problems(self, problems: Sequence[Problem]) -> None:
        check_room(self, problems, context_of(self), self.tokenizer)

    def file_digests(self) -> dict[str, str]:
        return super().file_digests() | self.example_digests()

    def identity(self) -> tuple[object, ...]:
        return (*super().identity(), *self.sampling_identity())

    def engine_of(self, model: VllmModel) -> Engine:
        pace = Pace(self.max_num_seqs, self.max_tokens / 2)
        return GeneratorEngine(self, self.identity(), model, VllmSampler(self, model), pace)

    def embed(self, problems: Sequence[Problem]) -> Embeddings:
        from ttc.engines.embedding import embed_problems

        return embed_problems(self, problems)
