"""Answer extraction, and equivalence with the gold answer by structure and with math-verify."""

from __future__ import annotations

from ttc.grading.base import AnswerGrader, Grading, grade_against_any, grader_config
from ttc.grading.classes import classes_by_structure
from ttc.grading.extract import extract_answer, gold_answer, is_unreadable_solution
from ttc.grading.grader import TIMEOUT_SECONDS, Grader
from ttc.grading.math_grader import MathGrader
from ttc.grading.parsing import normalize_answer

__all__ = [
    "TIMEOUT_SECONDS",
    "AnswerGrader",
    "Grader",
    "Grading",
    "MathGrader",
    "classes_by_structure",
    "extract_answer",
    "gold_answer",
    "grade_against_any",
    "grader_config",
    "is_unreadable_solution",
    "normalize_answer",
]
