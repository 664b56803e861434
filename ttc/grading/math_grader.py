"""`grader=math`: answers are formulas, compared by structure, by their values and with math-verify."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ttc.grading.base import AnswerGrader, Grading
from ttc.grading.classes import classes_by_structure
from ttc.grading.extract import gold_answer
from ttc.grading.grader import TIMEOUT_SECONDS, Grader


@dataclass
class MathGrader(AnswerGrader):
    """Grades mathematical answers in processes that can be killed; see `ttc.grading.grader.Grader`."""

    votes_by_structure: ClassVar[bool] = True

    def gold(self, text: str) -> str:
        return gold_answer(text)

    def is_correct(self, answer: str, gold: str) -> bool:
        with self.open(TIMEOUT_SECONDS, workers=1) as grading:
            return grading.grade([(answer, gold)])[0]

    def votes(self, answers: Iterable[str]) -> dict[str, int]:
        return classes_by_structure(answers)

    def is_likely_correct(self, answer: str, gold: str) -> bool | None:
        classes = classes_by_structure([answer, gold])
        return classes[answer] == classes[gold]

    def open(self, timeout_seconds: float, workers: int, units: bool = False) -> Grading:
        return Grader(timeout_seconds, workers, units)
