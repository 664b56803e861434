"""`grader=exact`: the answer must be the gold text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ttc.grading.base import AnswerGrader, numbered

_WRAPPED = re.compile(r"\$(.*)\$|\\(?:text|textbf|mathrm|mbox)\{([^{}]*)\}|\*\*(.*)\*\*|[\"“](.*)[\"”]", re.DOTALL)

_MAX_WRAPPINGS = 4  # around each other


@dataclass
class ExactGrader(AnswerGrader):
    """Compares texts.

    White space counts as one blank, and a final period or what wraps the whole text ($...$, \\text{...}, **...**,
    quotation marks) not at all. Answers that are the same in this way share a vote.
    """

    ignore_case: bool = True

    def is_correct(self, answer: str, gold: str) -> bool:
        return self._plain(answer) == self._plain(gold)

    def votes(self, answers: Iterable[str]) -> dict[str, int]:
        same: dict[str, set[str]] = defaultdict(set)
        for answer in answers:
            same[self._plain(answer)].add(answer)
        return numbered(same.values())

    def _plain(self, text: str) -> str:
        text = " ".join(text.split()).removesuffix(".")
        for _ in range(_MAX_WRAPPINGS):
            if (wrapped := _WRAPPED.fullmatch(text)) is None:
                break
            text = next(group for group in wrapped.groups() if group is not None).strip().removesuffix(".")
        return text.casefold() if self.ignore_case else text
