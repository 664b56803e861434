"""The contract of a verifier's input format: problem and steps become token ids, and the value is read at the last.

Formats are additive: up to its closing, the reading of n steps begins that of n + 1, so that scoring a beam's newest
step costs its new tokens only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Messages = list[dict[str, str]]
"""The turns of a conversation, as chat templates take them: `role` and `content`."""

QUESTION = (
    "Is the solution above correct so far? It may be unfinished: an unfinished solution is correct if every step that "
    "is there is right and leads towards the answer. Reply with one word, Yes or No."
)


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What some formats leave to the user.

    Attributes:
        step_separator: what the trainer put after each step (`trl`).
        question: what a judge is asked about the solution before it (`judge`).
    """

    step_separator: str = "\n"
    question: str = QUESTION


DEFAULT_OPTIONS = FormatOptions()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a verifier reads of a trace: ids up to where the value is read, and whether later steps are left out."""

    ids: list[int]
    partial: bool


class StepFormat(ABC):
    """The input format of one verifier family.

    Attributes:
        needs_tokens: whether `missing` has anything to look for.
        classes: the classes of the head that the family is read at; None: any head, or no head of its own.
        correct_class: the class that means "correct", where `classes` is given.
        asks: whether the verifier is a language model that answers with one of two tokens, and nothing else.
    """

    needs_tokens: ClassVar[bool] = False
    classes: ClassVar[int | None] = None
    correct_class: ClassVar[int] = 0
    asks: ClassVar[bool] = False

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: FormatOptions = DEFAULT_OPTIONS) -> None:
        self._tokenizer, self._options = tokenizer, options
        # Cached by content: a problem's id is unique within its own dataset only.
        self._head = lru_cache(4096)(self.head)
        self._step = lru_cache(65_536)(self.step)
        is_overridden = type(self).last_step is not StepFormat.last_step
        self._last_step = lru_cache(65_536)(self.last_step) if is_overridden else self._step

    @abstractmethod
    def head(self, question: str) -> list[int]:
        """Return the ids before the first step."""

    @abstractmethod
    def step(self, question: str, step: str, index: int) -> list[int]:
        """Return the ids of one step's text."""

    def last_step(self, question: str, step: str, index: int) -> list[int]:
        """Return the ids of the step that the value is read after; most formats write it like any other."""
        return self.step(question, step, index)

    def closing(self, trace: Trace) -> list[int]:
        """Return the ids that follow the last step, for the value to be read at the last of them; mostly none."""
        return []

    def history(self, attempts: Sequence[Trace]) -> list[int]:
        """Return the ids of the earlier attempts, between head and first step; most verifiers never see them."""
        return []

    def before(self, trace: Trace) -> list[int]:
        """Return the ids before the first step."""
        return self._head(trace.problem.question) + self.history(trace.attempts)

    def fitted(self, trace: Trace, max_tokens: int | None) -> Trace:
        """Drop the trace's oldest attempts until it fits into `max_tokens`."""
        while trace.attempts and max_tokens is not None and len(self.ids(trace)) > max_tokens:
            trace = replace(trace, attempts=trace.attempts[1:])
        return trace

    def reading(self, trace: Trace, max_tokens: int) -> Reading:
        """Return the ids of the trace, or those up to the last whole step that fits; none where not even one does."""
        fitted = self.fitted(trace, max_tokens)
        ids = self.ids(fitted)
        if len(ids) <= max_tokens:
            return Reading(ids, partial=False)
        whole_steps = [prefix for prefix in self.prefixes(fitted) if len(prefix) <= max_tokens]
        return Reading(whole_steps[-1] if whole_steps else [], partial=True)

    def missing(self) -> str | None:
        """Return what the format needs and the tokenizer lacks."""
        return None

    def ids(self, trace: Trace) -> list[int]:
        """Return the ids up to where the value of the last step is read; without a step, those before it."""
        ids = self.before(trace)
        if not trace.steps:
            return ids
        question, last = trace.problem.question, len(trace.steps) - 1
        for index, step in enumerate(trace.steps[:-1]):
            ids += self._step(question, step.text, index)
        return ids + self._last_step(question, trace.steps[-1].text, last) + self.closing(trace)

    def prefixes(self, trace: Trace) -> list[list[int]]:
        """Return, for each step, the ids up to where its value is read."""
        ids = self.before(trace)
        question = trace.problem.question
        prefixes = []
        for index, step in enumerate(trace.steps):
            last = self._last_step(question, step.text, index)
            prefixes.append(ids + last + self.closing(trace.prefix(index + 1)))
            ids = ids + self._step(question, step.text, index)
        return prefixes

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _ids_behind(self, before: str, text: str) -> list[int]:
        """Return the ids of a text that follows another: some tokenizers put a space before every text of its own."""
        first, whole = self._ids(before), self._ids(before + text)
        return whole[len(first) :] if whole[: len(first)] == first else self._ids(text)

    def _chat(self, messages: Messages, add_generation_prompt: bool) -> list[int]:
        ids: list[int] = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=False
        )
        return list(ids)

    def _missing_token(self, text: str, ids: list[int]) -> str | None:
        """Return what is missing where the ids of a mark are not one known token."""
        if len(ids) == 1 and ids[0] != self._tokenizer.unk_token_id:
            return None
        return f"token {text}" + (f" (it reads {len(ids)} tokens there)" if len(ids) > 1 else "")


def without(step: str, mark: str) -> str:
    """Return a step's text without the marks and blanks around it: a second mark would be an empty step."""
    text, mark = step.strip(), mark.strip()
    while mark and text.endswith(mark):
        text = text.removesuffix(mark).rstrip()
    return text
