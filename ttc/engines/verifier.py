"""The verifier: a PRM as a vLLM pooling model, read at the last position, which the prefix cache serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ttc.engines.base import Draw, Engine, EngineReply, Usage, Verifier
from ttc.engines.verifier_formats import FORMATS
from ttc.engines.vllm_setup import VllmSettings, load_engine, prepare, shape_of
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.types import Request, Score

if TYPE_CHECKING:
    from vllm.outputs import PoolingRequestOutput

TASKS = {"last": "classify", "token": "token_classify"}  # pooling -> vLLM's name for it


@dataclass
class VllmVerifier(VllmSettings, Verifier):
    """A verifier checkpoint and how it reads a solution.

    `format` is one of `ttc.engines.verifier_formats.FORMATS`. A checkpoint with a sequence-classification head needs
    nothing else. A causal LM that answers with one of two tokens names them in `label_tokens` (the good one first): the
    value is the softmax over the two. Most heads are read at the last position (`pooling=last`); one that vLLM can only
    read at every token needs `pooling=token`, which cannot use the prefix cache.
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

    def start(self) -> Engine:
        return VerifierEngine(self)


class VerifierEngine:
    """Scores traces as far as they go."""

    def __init__(self, config: VllmVerifier) -> None:
        prepare()
        from vllm.config import PoolerConfig

        self._config = config
        self._task: Any = TASKS[config.pooling]
        self._engine = load_engine(
            config,
            runner="pooling",
            convert="classify",
            pooler_config=PoolerConfig(task=self._task),
            hf_overrides=_two_token_head(config),
        )
        self._format = FORMATS[config.format](self._engine.get_tokenizer())
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._running: set[int] = set()
        checkpoint, *changed = config.identity()
        self._identity = (checkpoint, config.format, config.label_tokens, config.positive_class, *changed)
        self.shape = shape_of(self._engine.model_config.model, config.revision)

    def key(self, request: Request, draw: Draw) -> bytes:
        return digest(self._identity, self._ids(request))

    def _ids(self, request: Request) -> list[int]:
        assert isinstance(request, Score)
        ids = self._format.ids(self._format.fitted(request.trace, self._max_model_len))
        return ids[: self._max_model_len]  # of a trace too long for the verifier only the beginning is scored

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        from vllm import PoolingParams
        from vllm.inputs.engine import tokens_input

        self._running.add(ticket)
        self._engine.add_request(str(ticket), tokens_input(self._ids(request)), PoolingParams(task=self._task))

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    @property
    def decoding_tokens(self) -> int:
        return 0

    def poll(self) -> list[EngineReply]:
        outputs = self._engine.step() if self._running else []
        return [self._reply(output) for output in outputs if output.finished]

    def _reply(self, output: PoolingRequestOutput) -> EngineReply:
        ticket = int(output.request_id)
        self._running.remove(ticket)
        values = output.outputs.data  # (classes,), or (tokens, classes) where every token is read
        value = float((values if values.dim() == 1 else values[-1])[self._config.positive_class])
        cached = output.num_cached_tokens or 0
        return EngineReply(ticket, value, Usage(len(output.prompt_token_ids) - cached, cached))


def _two_token_head(config: VllmVerifier) -> dict[str, Any]:
    """Return the overrides that make a causal LM's head a classifier of two tokens; vLLM names the bad one first."""
    if not config.label_tokens:
        return {}
    from transformers import AutoConfig

    [architecture] = AutoConfig.from_pretrained(config.source, revision=config.revision).architectures
    return {
        "architectures": [architecture.replace("ForCausalLM", "ForSequenceClassification")],
        "classifier_from_token": config.label_tokens[::-1],
        "method": "from_2_way_softmax",
    }
