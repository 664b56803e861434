"""`grader=choice`: the answer is the letter of an option."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ttc.grading.base import AnswerGrader, numbered
from ttc.grading.extract import extract_answer

_OPENING = r"(?:\\(?:text|textbf|mathrm|mathbf|mbox|boxed)\s*\{|[$*({\[\s]|\\\(|option\b|choice\b|answer\b|:)*"
_LETTER = re.compile(rf"{_OPENING}([A-Z])(?=\s*(?:[.):}}\]$*]|\\|$))", re.IGNORECASE)


@dataclass
class ChoiceGrader(AnswerGrader):
    r"""Reads a letter from "The answer is (B)", "\boxed{B}", "Answer: B. Paris", "\textbf{(B)}" or a last line "B".

    The letter stands alone, in brackets, or before a period, bracket or colon; an answer in other words states
    no letter.
    """

    def extract(self, text: str) -> str | None:
        answer = extract_answer(text)
        if answer is not None:
            return letter_of(answer)
        last = text.rstrip().rpartition("\n")[2]
        return letter_of(last) if len(last) <= _LONGEST_LINE else None

    def gold(self, text: str) -> str:
        letter = letter_of(text)
        if letter is None:
            raise ValueError("which is not the letter of an option")
        return letter

    def is_correct(self, answer: str, gold: str) -> bool:
        return letter_of(answer) == letter_of(gold) is not None

    def votes(self, answers: Iterable[str]) -> dict[str, int]:
        same: dict[str, set[str]] = defaultdict(set)
        for answer in answers:
            same[letter_of(answer) or answer].add(answer)
        return numbered(same.values())


_LONGEST_LINE = 12  # characters of a last line that is only a letter


def letter_of(answer: str) -> str | None:
    """Return the option's letter that an answer begins with, as a capital; None where it begins otherwise."""
    found = _LETTER.match(answer.strip())
    return found[1].upper() if found else None
