"""How each verifier family reads a solution: problem and steps become token ids, with a value at the end of each step.

Every format is additive: the ids of n steps are a prefix of the ids of n + 1, so that scoring a beam's newest step
costs its new tokens only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ttc.types import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class StepFormat(ABC):
    """The input format of one verifier family."""

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


class PlainFormat(StepFormat):
    """The problem, then one line per step; the value is read at the newline (Snell et al. 2024, appendix D)."""

    def head(self, question: str) -> list[int]:
        ids: list[int] = self._tokenizer(f"{question}\n")["input_ids"]
        return ids

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(step.strip("\n") + "\n")


class RevisionFormat(PlainFormat):
    """The plain format with the earlier attempts between problem and solution, each closed by the end mark."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(tokenizer)
        self._attempt = lru_cache(16_384)(self.attempt)

    def attempt(self, text: str) -> list[int]:
        """Return the ids of one attempt."""
        return [*self._ids(text.strip("\n") + "\n"), self._tokenizer.eos_token_id]

    def history(self, attempts: Sequence[Trace]) -> list[int]:
        return [id_ for attempt in attempts for id_ in self._attempt(attempt.text)]


class QwenMathFormat(StepFormat):
    """Qwen2.5-Math-PRM: a chat whose answer ends each step with `<extra_0>` (Zhang et al. 2501.07301)."""

    SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."

    def head(self, question: str) -> list[int]:
        messages = [{"role": "system", "content": self.SYSTEM}, {"role": "user", "content": question}]
        return self._chat(messages, add_generation_prompt=True)

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(step.strip() + "<extra_0>")


class RlhFlowFormat(StepFormat):
    """RLHFlow's Llama PRMs: each step is a user turn, the model answers `+` or `-`, and the value is P(+).

    Read at the end of the assistant's header, as a softmax over `+` and `-` (Xiong et al. 2024).
    """

    def head(self, question: str) -> list[int]:
        return []  # the question opens the first turn

    def step(self, question: str, step: str, index: int) -> list[int]:
        text = step.strip()
        content = f"{question} {text}" if index == 0 else text
        turn = [{"role": "user", "content": content}]
        if index == 0:
            return self._chat(turn, add_generation_prompt=True)
        before = [{"role": "user", "content": "."}]
        whole = self._chat([*before, {"role": "assistant", "content": "+"}, *turn], add_generation_prompt=True)
        return whole[len(self._chat(before, add_generation_prompt=True)) :]


class MathShepherdFormat(StepFormat):
    """Math-Shepherd's Mistral PRM: each step ends with the mark ` ки`, where P(+) is read (Wang et al. 2024)."""

    def head(self, question: str) -> list[int]:
        ids: list[int] = self._tokenizer(question)["input_ids"]
        return ids

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(f" Step {index + 1}: {step.strip()} ки")


FORMATS: dict[str, type[StepFormat]] = {
    "plain": PlainFormat,
    "revisions": RevisionFormat,
    "qwen_math_prm": QwenMathFormat,
    "rlhflow": RlhFlowFormat,
    "math_shepherd": MathShepherdFormat,
}
