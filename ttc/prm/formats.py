"""How each PRM family reads a solution: problem and steps -> token ids, a value at the end of each step.

Every format is additive: the ids of n steps are a prefix of the ids of n + 1, so that scoring a beam's newest step
costs its new tokens only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ttc.types import Problem, Step


class StepFormat(ABC):
    """One PRM family's input."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._cache: dict[tuple[str, str, int], list[int]] = {}

    @abstractmethod
    def head(self, problem: Problem) -> list[int]:
        """The ids before the first step."""

    @abstractmethod
    def step(self, problem: Problem, step: Step, index: int) -> list[int]:
        """The ids of one step; the value is read at the last of them."""

    def prefixes(self, problem: Problem, steps: Sequence[Step]) -> list[list[int]]:
        """For each step, the ids of everything up to its end."""
        ids = list(self.head(problem))
        prefixes = []
        for index, step in enumerate(steps):
            ids = ids + self._step(problem, step, index)
            prefixes.append(ids)
        return prefixes

    def _step(self, problem: Problem, step: Step, index: int) -> list[int]:
        key = (problem.id, step.text, index)
        if key not in self._cache:
            self._cache[key] = self.step(problem, step, index)
        return self._cache[key]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _chat(self, messages: list[dict[str, str]], add_generation_prompt: bool) -> list[int]:
        ids: list[int] = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=add_generation_prompt, tokenize=True, return_dict=False
        )
        return list(ids)


class Plain(StepFormat):
    """The problem, then a line for each step; the value is read at the newline (Snell et al. 2024, appendix D)."""

    def head(self, problem: Problem) -> list[int]:
        ids: list[int] = self._tokenizer(f"{problem.question}\n")["input_ids"]
        return ids

    def step(self, problem: Problem, step: Step, index: int) -> list[int]:
        return self._ids(step.text.strip("\n") + "\n")


class QwenMathPrm(StepFormat):
    """Qwen2.5-Math-PRM: a chat whose answer ends each step with `<extra_0>` (Zhang et al. 2501.07301)."""

    SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."

    def head(self, problem: Problem) -> list[int]:
        messages = [{"role": "system", "content": self.SYSTEM}, {"role": "user", "content": problem.question}]
        return self._chat(messages, add_generation_prompt=True)

    def step(self, problem: Problem, step: Step, index: int) -> list[int]:
        return self._ids(step.text.strip() + "<extra_0>")


class RlhFlow(StepFormat):
    """RLHFlow's Llama PRMs: each step is a user turn and the model answers `+`; the value is P(+) before it.

    Read at the end of the assistant's header, as a softmax over `+` and `-` (Xiong et al. 2024).
    """

    def head(self, problem: Problem) -> list[int]:
        return []  # the question opens the first turn

    def step(self, problem: Problem, step: Step, index: int) -> list[int]:
        text = step.text.strip()
        content = f"{problem.question} {text}" if index == 0 else text
        turn = [{"role": "user", "content": content}]
        if index == 0:
            return self._chat(turn, add_generation_prompt=True)
        full = self._chat(
            [{"role": "user", "content": "."}, {"role": "assistant", "content": "+"}, *turn], add_generation_prompt=True
        )
        return full[len(self._chat([{"role": "user", "content": "."}], add_generation_prompt=True)) :]


class MathShepherd(StepFormat):
    """Math-Shepherd's Mistral PRM: each step ends with the mark ` ки`, where P(+) is read (Wang et al. 2024)."""

    def head(self, problem: Problem) -> list[int]:
        ids: list[int] = self._tokenizer(problem.question)["input_ids"]
        return ids

    def step(self, problem: Problem, step: Step, index: int) -> list[int]:
        return self._ids(f" Step {index + 1}: {step.text.strip()} ки")


FORMATS: dict[str, type[StepFormat]] = {
    "plain": Plain,
    "qwen_math_prm": QwenMathPrm,
    "rlhflow": RlhFlow,
    "math_shepherd": MathShepherd,
}
