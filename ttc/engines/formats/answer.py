"""The format of reward models that judge whole answers."""

from __future__ import annotations

from ttc.engines.formats.base import Messages
from ttc.engines.formats.conversation import ConversationFormat


class AnswerFormat(ConversationFormat):
    """A reward model for whole answers: the problem is the user's turn, the solution the assistant's.

    The value is read at the last token of the conversation, as `AutoModelForSequenceClassification` does; of a single
    logit it is the sigmoid. Such a model was trained on whole answers: use it to select among finished solutions
    (best_of_n), not to steer a search by its values of unfinished ones.
    """

    def messages(self, question: str, solution: str) -> Messages:
        return [{"role": "user", "content": question}, {"role": "assistant", "content": solution}]

    def around(self, question: str) -> tuple[str, str]:
        return self._rendered(question, add_generation_prompt=False)

    def step(self, question: str, step: str, index: int) -> list[int]:
        return self._following(question, step if index else step.lstrip(), index)

    def last_step(self, question: str, step: str, index: int) -> list[int]:
        """Return the ids of the step without the blanks after it, which belong to a step that follows."""
        return self._following(question, step.rstrip() if index else step.strip(), index)
