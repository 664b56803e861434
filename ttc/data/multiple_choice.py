"""Multiple choice: a question with its correct and incorrect options becomes one text, and the gold answer a letter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from string import ascii_uppercase

from ttc.data.datasets import TabularDataset
from ttc.data.fields import answers_of, texts_of
from ttc.data.golds import Gold
from ttc.data.readers import Row
from ttc.errors import UserError
from ttc.types import Problem

INSTRUCTION = "Answer with the letter of the correct option."


@dataclass
class ChoiceDataset(TabularDataset):
    """Rows with a question, the correct option in `answer_field`, and others in `incorrect_fields`.

    A field may hold one option or a list of them. The options are lettered in an order that depends only on `seed` and
    the problem's id. `grader=choice` reads a solution's letter.
    """

    incorrect_fields: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse settings without any wrong option."""
        super().__post_init__()
        if not self.incorrect_fields:
            raise UserError("data.incorrect_fields=[]: must name at least one field; use e.g. [incorrect_answers].")

    def _problem(self, place: str, row: Row) -> tuple[Problem, Gold]:
        [correct] = answers_of(place, row, self.answer_field)
        others = [text for name in self.incorrect_fields for text in texts_of(place, row, "incorrect_fields", name)]
        options = [text.strip() for text in (correct, *others)]
        if not 2 <= len(options) <= len(ascii_uppercase):
            raise UserError(
                f"{place}: a question must have 2 to {len(ascii_uppercase)} options, not {len(options)}; fix or remove "
                "the row."
            )
        if len(set(options)) < len(options):
            raise UserError(f"{place}: two of its {len(options)} options are the same; fix or remove the row.")
        asked = self._with_gold(place, row, self._question(place, row), Gold(options[0]))
        question, letter = lettered(asked, options, self.seed)
        return replace(asked, question=question, gold=letter), Gold(letter)


def lettered(problem: Problem, options: Sequence[str], seed: int) -> tuple[str, str]:
    """Return a problem's text with its options, of which the first is correct, and the letter of that."""
    order = sorted(options, key=lambda option: hashlib.sha256(f"{seed}/{problem.id}/{option}".encode()).digest())
    lines = [f"({letter}) {option}" for letter, option in zip(ascii_uppercase, order, strict=False)]
    text = "\n\n".join([problem.question.rstrip(), "\n".join(lines), INSTRUCTION])
    return text, ascii_uppercase[order.index(options[0])]
