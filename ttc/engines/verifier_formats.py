"""How each verifier family reads a solution: problem and steps become token ids, with a value at the end of each step.

Every format is additive: the ids of n steps are a prefix of the ids of n + 1, so that scoring a beam's newest step
costs its new tokens only.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Reading:
    """What a verifier reads of a trace: ids that end with a step, and whether steps after it are left out."""

    ids: list[int]
    partial: bool


class StepFormat(ABC):
    """The input format of one verifier family.

    Attributes:
        needs_tokens: whether `missing` has anything to look for.
    """

    needs_tokens: ClassVar[bool] = False

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        # Cached by content: a problem's id is unique within its own dataset only.
        self._head = lru_cache(4096)(self.head)
        self._step = lru_cache(65_536)(self.step)

    @abstractmethod
    def head(self, question: str) -> list[int]:
        """Return the ids before the first step."""

    @abstractmethod
    def step(self, question: str, step: str, index: int) -> list[int]:
        """Return the ids of one step's text; the value is read at the last of them."""

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
        """Return the ids up to the end of the last step."""
        ids = self.before(trace)
        for index, step in enumerate(trace.steps):
            ids += self._step(trace.problem.question, step.text, index)
        return ids

    def prefixes(self, trace: Trace) -> list[list[int]]:
        """Return, for each step, the ids up to its end."""
        ids = self.before(trace)
        prefixes = []
        for index, step in enumerate(trace.steps):
            ids = ids + self._step(trace.problem.question, step.text, index)
            prefixes.append(ids)
        return prefixes

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _chat(self, messages: list[dict[str, str]], add_generation_prompt: bool) -> list[int]:
        ids: list[int] = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=False
        )
        return list(ids)

    def _is_one_token(self, text: str) -> bool:
        ids = self._ids(text)
        return len(ids) == 1 and ids[0] != self._tokenizer.unk_token_id


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

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(tokenizer)
        self._attempt = lru_cache(16_384)(self.attempt)

    def missing(self) -> str | None:
        return "end mark (eos_token)" if self._tokenizer.eos_token_id is None else None

    def attempt(self, text: str) -> list[int]:
        """Return the ids of one attempt."""
        return [*self._ids(text.strip("\n") + "\n"), self._tokenizer.eos_token_id]

    def history(self, attempts: Sequence[Trace]) -> list[int]:
        return [id_ for attempt in attempts for id_ in self._attempt(attempt.text)]


class QwenMathFormat(StepFormat):
    """Qwen2.5-Math-PRM: a chat whose answer ends each step with `<extra_0>` (Zhang et al. 2501.07301)."""

    SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
    MARK = "<extra_0>"

    needs_tokens = True

    def missing(self) -> str | None:
        if not self._is_one_token(self.MARK):
            return f"token {self.MARK}"
        return None if self._tokenizer.chat_template else "chat template"

    def head(self, question: str) -> list[int]:
        messages = [{"role": "system", "content": self.SYSTEM}, {"role": "user", "content": question}]
        return self._chat(messages, add_generation_prompt=True)

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(step.strip() + self.MARK)


class RlhFlowFormat(StepFormat):
    """RLHFlow's Llama PRMs: each step is a user turn, the model answers `+` or `-`, and the value is P(+).

    Read at the end of the assistant's header, as a softmax over `+` and `-` (Xiong et al. 2024).
    """

    needs_tokens = True

    def missing(self) -> str | None:
        if not self._tokenizer.chat_template:
            return "chat template"
        try:
            before, whole = self._turns(".")
        except Exception:  # a template is a program: it can raise anything
            return "chat template for several turns"
        return None if whole[: len(before)] == before else "chat template whose turns follow each other"

    def head(self, question: str) -> list[int]:
        return []  # the question opens the first turn

    def step(self, question: str, step: str, index: int) -> list[int]:
        text = step.strip()
        if index == 0:
            return self._chat([{"role": "user", "content": f"{question} {text}"}], add_generation_prompt=True)
        before, whole = self._turns(text)
        return whole[len(before) :]

    def _turns(self, text: str) -> tuple[list[int], list[int]]:
        """Return the ids of a first turn, and of that turn with its answer and the next turn."""
        before = [{"role": "user", "content": "."}]
        whole = [*before, {"role": "assistant", "content": "+"}, {"role": "user", "content": text}]
        return self._chat(before, add_generation_prompt=True), self._chat(whole, add_generation_prompt=True)


class MathShepherdFormat(StepFormat):
    """Math-Shepherd's Mistral PRM: each step ends with the mark ` ки`, where P(+) is read (Wang et al. 2024).

    The input is `QUESTION Step 1: TEXT ки`, then a line `Step 2: TEXT ки` and so on; the numbers are the format's own.
    Its tokenizer puts a space before every text, so a step is tokenised behind a mark, as in the whole solution.
    """

    MARK = "ки"
    NUMBER = re.compile(r"\A[#*\s]*step\s*\d+\**\s*[:.](?!\d)\**\s*", re.IGNORECASE)

    needs_tokens = True

    def missing(self) -> str | None:
        mark = self._behind_mark(f" {self.MARK}")
        return None if len(mark) == 1 and mark[0] != self._tokenizer.unk_token_id else f"token {self.MARK}"

    def head(self, question: str) -> list[int]:
        ids: list[int] = self._tokenizer(question)["input_ids"]
        return ids

    def step(self, question: str, step: str, index: int) -> list[int]:
        text = self.NUMBER.sub("", step.strip().removesuffix(self.MARK).rstrip())  # its own generator writes both
        before = " " if index == 0 else "\n"
        return self._behind_mark(f"{before}Step {index + 1}: {text} {self.MARK}")

    def _behind_mark(self, text: str) -> list[int]:
        return self._ids(f"{self.MARK}{text}")[len(self._ids(self.MARK)) :]


FORMATS: dict[str, type[StepFormat]] = {
    "plain": PlainFormat,
    "revisions": RevisionFormat,
    "qwen_math_prm": QwenMathFormat,
    "rlhflow": RlhFlowFormat,
    "math_shepherd": MathShepherdFormat,
}
