"""The format of the Qwen2.5-Math PRMs."""

from __future__ import annotations

from ttc.engines.formats.base import StepFormat, without


class QwenMathFormat(StepFormat):
    """Qwen2.5-Math-PRM: a chat whose answer ends each step with `<extra_0>` (Zhang et al. 2501.07301).

    A head of two layers gives two classes there; the second means "correct".
    """

    SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
    MARK = "<extra_0>"

    needs_tokens = True
    classes = 2
    correct_class = 1

    def missing(self) -> str | None:
        if missing := self._missing_token(self.MARK, self._ids(self.MARK)):
            return missing
        return None if self._tokenizer.chat_template else "chat template"

    def head(self, question: str) -> list[int]:
        messages = [{"role": "system", "content": self.SYSTEM}, {"role": "user", "content": question}]
        return self._chat(messages, add_generation_prompt=True)

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._ids(without(step, self.MARK) + self.MARK)
