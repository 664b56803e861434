"""Formats that put a solution into one turn of a conversation: the text around it comes from the chat template."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING

from ttc.engines.formats.base import DEFAULT_OPTIONS, FormatOptions, Messages, StepFormat
from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACE = "\ue000"  # a private character where the solution goes: no problem contains it, no template strips it


class ConversationFormat(StepFormat):
    """A solution inside a conversation, tokenised step by step; what follows it in the template is its closing."""

    needs_tokens = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: FormatOptions = DEFAULT_OPTIONS) -> None:
        super().__init__(tokenizer, options)
        self._around = lru_cache(4096)(self.around)
        self._closing = lru_cache(4096)(self._ids_behind)

    @abstractmethod
    def messages(self, question: str, solution: str) -> Messages:
        """Return the conversation about one solution."""

    @abstractmethod
    def around(self, question: str) -> tuple[str, str]:
        """Return the text of the conversation before and after the solution."""

    def _rendered(self, question: str, add_generation_prompt: bool) -> tuple[str, str]:
        messages = self.messages(question, PLACE)
        # Templates that know the switch close an empty thought: the answer must be the next token.
        text: str = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=add_generation_prompt, tokenize=False, enable_thinking=False
        )
        before, _, after = text.rpartition(PLACE)
        return before, after

    def missing(self) -> str | None:
        if not self._tokenizer.chat_template:
            return "chat template"
        question = "What is 1+1?"
        try:
            before, after = self.around(question)
        except Exception:  # a template is a program: it can raise anything
            return "chat template that can express this conversation"
        if question not in before:
            return "chat template that shows problem and solution"
        return None if after.strip() else "chat template that ends a turn"

    def head(self, question: str) -> list[int]:
        return []  # the first step is tokenised together with what precedes it

    def closing(self, trace: Trace) -> list[int]:
        _, after = self._around(trace.problem.question)
        return self._closing("\n", after)

    def _following(self, question: str, text: str, index: int) -> list[int]:
        """Return the ids of a step's text behind what precedes it."""
        if index == 0:
            before, _ = self._around(question)
            return self._ids(before + text)
        return self._ids_behind("\n", text)
