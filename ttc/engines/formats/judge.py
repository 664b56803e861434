"""The format of a generative judge: an instruct model is asked whether the solution is right."""

from __future__ import annotations

from ttc.engines.formats.base import Messages
from ttc.engines.formats.conversation import ConversationFormat


class JudgeFormat(ConversationFormat):
    """An instruct model as the verifier: the value is P(Yes) against P(No) at its next token (Zhang et al. 2408.15240).

    Problem and steps come first and the question after them, so that the prefix cache serves all earlier steps. Each
    step ends with a blank line.
    """

    asks = True

    def messages(self, question: str, solution: str) -> Messages:
        asked = f"Problem:\n{question}\n\nSolution:\n{solution}{self._options.question}"
        return [{"role": "user", "content": asked}]

    def around(self, question: str) -> tuple[str, str]:
        return self._rendered(question, add_generation_prompt=True)

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._following(question, step.strip() + "\n\n", index)
