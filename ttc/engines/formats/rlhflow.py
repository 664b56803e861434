"""The format of RLHFlow's PRMs."""

from __future__ import annotations

from ttc.engines.formats.base import StepFormat


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
