"""The verifier: a PRM as a vLLM pooling model, its value read at the last position, which the prefix cache serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ttc.engines.base import Draw, Engine, Finished, Usage, digest
from ttc.engines.checkpoint import fingerprint, resolve
from ttc.types import Request, Score

TASKS = {"last": "classify", "token": "token_classify"}  # pooling -> vLLM's name for it


@dataclass
class VllmPrm:
    """A PRM checkpoint and how it reads a solution.

    `format` is one of `ttc.prm.formats.FORMATS`. A checkpoint with a sequence-classification head needs nothing else. A
    causal LM that answers with one of two tokens names them in `label_tokens` (good first): the value is the softmax
    over the two. A checkpoint whose head vLLM reads at every token alone takes `pooling=token`, which cannot use the
    prefix cache; all others are read at the last position, `pooling=last`.
    """

    model: str = "pocket"
    format: str = "plain"
    label_tokens: list[str] = field(default_factory=list)
    pooling: str = "last"
    positive_class: int = 0
    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 256
    gpu_memory_utilization: float = 0.4
    kv_cache_gib: float = 1.0  # on a CPU
    tensor_parallel_size: int = 1

    def check(self) -> None:
        """Refuse impossible values and unusable checkpoints before any weights load."""
        from difflib import get_close_matches

        from ttc.errors import UserError
        from ttc.prm.formats import FORMATS

        if self.format not in FORMATS:
            near = get_close_matches(self.format, FORMATS, 1, 0)
            raise UserError(f"prm.format={self.format} is not known; use {near[0]} (of {', '.join(FORMATS)}).")
        if self.pooling not in TASKS:
            raise UserError(f"prm.pooling={self.pooling} is not known; use last, or token for heads that need it.")
        if self.label_tokens and len(self.label_tokens) != 2:
            raise UserError(f"prm.label_tokens={self.label_tokens} is not a pair; name the good and the bad token.")
        resolve(self.model, "prm")

    def start(self) -> Engine:
        return PrmEngine(self)


class PrmEngine:
    """Scores traces as far as they go."""

    def __init__(self, config: VllmPrm) -> None:
        from ttc.engines.launch import launch, prepare, shape_of
        from ttc.prm.formats import FORMATS

        prepare()
        from vllm.config import PoolerConfig

        model = resolve(config.model, "prm")
        self._task: Any = TASKS[config.pooling]
        self._engine = launch(
            model,
            config,
            runner="pooling",
            convert="classify",
            pooler_config=PoolerConfig(task=self._task),
            hf_overrides=_overrides(model, config.label_tokens),
        )
        self._config = config
        self._format = FORMATS[config.format](self._engine.get_tokenizer())
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._running: set[int] = set()
        self._fingerprint = (fingerprint(model), config.format, config.label_tokens, config.positive_class)
        self.shape = shape_of(self._engine.model_config.model)

    def key(self, request: Request, draw: Draw) -> bytes:
        return digest(self._fingerprint, self._ids(request))

    def _ids(self, request: Request) -> list[int]:
        assert isinstance(request, Score)
        ids = self._format.ids(self._format.fitted(request.trace, self._max_model_len))
        return ids[: self._max_model_len]  # of a trace too long for the PRM only the beginning is judged

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

    def poll(self) -> list[Finished]:
        outputs = self._engine.step() if self._running else []
        return [self._taken(output) for output in outputs if output.finished]

    def _taken(self, output: Any) -> Finished:
        ticket = int(output.request_id)
        self._running.remove(ticket)
        values = output.outputs.data  # (classes,), or (tokens, classes) where every token is read
        value = float((values if values.dim() == 1 else values[-1])[self._config.positive_class])
        cached = output.num_cached_tokens or 0
        return Finished(ticket, value, Usage(len(output.prompt_token_ids) - cached, cached))


def _overrides(model: str, label_tokens: list[str]) -> dict[str, Any]:
    """Turn a causal LM's head into a classifier of two tokens. vLLM names the bad one first."""
    if not label_tokens:
        return {}
    from transformers import AutoConfig

    [architecture] = AutoConfig.from_pretrained(model).architectures
    return {
        "architectures": [architecture.replace("ForCausalLM", "ForSequenceClassification")],
        "classifier_from_token": label_tokens[::-1],
        "method": "from_2_way_softmax",
    }
