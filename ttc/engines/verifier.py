"""The verifier: a PRM as a vLLM pooling model, read at the last position, which the prefix cache serves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.engines.base import Draw, Engine, EngineReply, Usage, Verifier
from ttc.engines.heads import check_gives_values, check_label_tokens
from ttc.engines.inspection import Checkpoint
from ttc.engines.pretrained import load_tokenizer
from ttc.engines.verifier_formats import FORMATS, Reading, StepFormat
from ttc.engines.vllm_model import VllmModel
from ttc.engines.vllm_setup import VllmSettings
from ttc.errors import RunError, UserError
from ttc.hashing import digest
from ttc.types import Request, Score, Trace

if TYPE_CHECKING:
    from vllm.outputs import PoolingRequestOutput

TASKS = {"last": "classify", "token": "token_classify"}  # pooling -> vLLM's name for it


@dataclass
class VllmVerifier(VllmSettings, Verifier):
    """A verifier checkpoint and how it reads a solution.

    `format` is one of `ttc.engines.verifier_formats.FORMATS`. A checkpoint with a sequence-classification head needs
    nothing else. A causal LM that answers with one of two tokens names them in `label_tokens` (the good one first, each
    as the vocabulary spells it): the value is the softmax over the two. Most heads are read at the last position
    (`pooling=last`); one that vLLM can only read at every token needs `pooling=token`, which cannot use the prefix
    cache.
    """

    gpu_memory_utilization: float = 0.4
    format: str = "plain"
    label_tokens: list[str] = field(default_factory=list)
    pooling: str = "last"
    positive_class: int = 0

    group: ClassVar[str] = "prm"

    def check(self) -> None:
        from difflib import get_close_matches

        if self.format not in FORMATS:
            near = get_close_matches(self.format, FORMATS, 1, 0)
            raise UserError(f"prm.format={self.format} is not known; use {near[0]} (of {', '.join(FORMATS)}).")
        if self.pooling not in TASKS:
            raise UserError(f"prm.pooling={self.pooling} is not known; use last, or token for heads that need it.")
        if self.label_tokens and len(self.label_tokens) != 2:
            raise UserError(f"prm.label_tokens={self.label_tokens} is not a pair; name the good and the bad token.")
        super().check()

    def check_checkpoint(self, checkpoint: Checkpoint) -> None:
        check_gives_values(checkpoint, bool(self.label_tokens), self.positive_class, self.pooling)
        if any("tokenizer" in name for name in self.engine_args):
            return  # engine_args names another tokenizer
        step_format = FORMATS[self.format]
        if self.label_tokens or self.max_model_len is not None or step_format.needs_tokens:
            tokenizer = load_tokenizer(self.key, checkpoint.directory, None, self.trusts_remote_code)
            check_label_tokens(self.label_tokens, tokenizer, checkpoint)
            self._check_format(step_format(tokenizer))

    def _check_format(self, step_format: StepFormat) -> None:
        if missing := step_format.missing():
            raise UserError(
                f"prm.format={self.format}: the tokenizer of {self.model} has no {missing}; use the format that this "
                f"verifier was trained with, one of {', '.join(FORMATS)}."
            )
        shortest = len(step_format.head("?") + step_format.step("?", "1", 0))
        if self.max_model_len is not None and self.max_model_len < shortest:
            raise UserError(
                f"prm.max_model_len={self.max_model_len}: a problem and a step take {shortest} tokens or more in the "
                f"format {self.format}; use e.g. prm.max_model_len=4096, or null for all that the checkpoint can read."
            )

    def more_arguments(self) -> dict[str, Any]:
        from vllm.config import PoolerConfig

        task: Any = TASKS[self.pooling]
        return {
            "runner": "pooling",
            "convert": "classify",
            "pooler_config": PoolerConfig(task=task),
            "hf_overrides": self._two_token_head(),
        }

    def _two_token_head(self) -> dict[str, Any]:
        """Return what makes a causal LM's head a classifier of two tokens; vLLM names the bad one first."""
        if not self.label_tokens:
            return {}
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(
            self.source, revision=self.revision, trust_remote_code=self.trusts_remote_code
        )
        [architecture] = config.architectures
        return {
            "architectures": [architecture.replace("ForCausalLM", "ForSequenceClassification")],
            "classifier_from_token": self.label_tokens[::-1],
            "method": "from_2_way_softmax",
        }

    def engine_of(self, model: VllmModel) -> Engine:
        return VerifierEngine(self, model)


class VerifierEngine:
    """Scores traces as far as they go, or as far as the verifier's context does: up to the last whole step in it.

    A trace of which not even the first step fits has the value 0, so that none that was read is behind it.
    """

    def __init__(self, config: VllmVerifier, model: VllmModel) -> None:
        self._config, self._model = config, model
        self._task: Any = TASKS[config.pooling]
        self._format = FORMATS[config.format](model.tokenizer)
        self._max_model_len = model.facts.max_model_len
        self._running: dict[int, bool] = {}  # ticket -> whether a part alone is read
        self._unread: list[int] = []
        checkpoint, *changed = config.identity()
        self._identity = (checkpoint, config.format, config.label_tokens, config.positive_class, *changed)
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
        from vllm import PoolingParams
        from vllm.inputs.engine import tokens_input

        reading = self._reading(request)
        if not reading.ids:
            self._unread.append(ticket)
            return
        self._running[ticket] = reading.partial
        self._model.engine.add_request(str(ticket), tokens_input(reading.ids), PoolingParams(task=self._task))

    @property
    def is_busy(self) -> bool:
        return bool(self._running or self._unread)

    @property
    def decoding_tokens(self) -> int:
        return 0

    def poll(self) -> list[EngineReply]:
        unread, self._unread = self._unread, []
        outputs = self._model.engine.step() if self._running else []
        replies = [EngineReply(ticket, 0.0, Usage(), partial=True) for ticket in unread]
        return replies + [self._reply(output) for output in outputs if output.finished]

    def _reply(self, output: PoolingRequestOutput) -> EngineReply:
        ticket = int(output.request_id)
        partial = self._running.pop(ticket)
        values = output.outputs.data  # (classes,), or (tokens, classes) where every token is read
        value = float((values if values.dim() == 1 else values[-1])[self._config.positive_class])
        if not math.isfinite(value):
            raise RunError(f"{self._config.key}: a value is {value}, not a number; use e.g. prm.dtype=float32.")
        cached = output.num_cached_tokens or 0
        usage = Usage(len(output.prompt_token_ids) - cached, cached)
        return EngineReply(ticket, value, usage, partial=partial)


def _trace(request: Request) -> Trace:
    assert isinstance(request, Score)
    return request.trace
