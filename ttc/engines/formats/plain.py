"""The formats of verifiers that this package trains: a problem, then one line per step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ttc.engines.formats.base import DEFAULT_OPTIONS, FormatOptions, StepFormat
from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class PlainFormat(StepFormat):
    """The problem, then one line per step; the value is read at the newline (Snell et al. 2024, appendix D)."""

    def head(self, question: str) -> list[int]:
        ids: list[int] = self._tokenizer(f"{question}\n")["input_ids"]
        return ids

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(step.strip("\n") + "\n")


class RevisionFormat(PlainFormat):
    """The plain format with the earlier attempts between problem and solution, each closed by the end mark."""

    needs_tokens = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: FormatOptions = DEFAULT_OPTIONS) -> None:
        super().__init__(tokenizer, options)
        self._attempt = lru_cache(16_384)(self.attempt)

    def missing(self) -> str | None:
        return "end mark (eos_token)" if self._tokenizer.eos_token_id is None else None

    def attempt(self, text: str) -> list[int]:
        """Return the ids of one attempt."""
        return [*self._ids(text.strip("\n") + "\n"), self._tokenizer.eos_token_id]

    def history(self, attempts: Sequence[Trace]) -> list[int]:
        return [id_ for attempt in attempts for id_ in self._attempt(attempt.text)]
