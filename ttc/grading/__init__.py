"""Answer extraction, and equivalence with the gold answer by structure and by math-verify."""

from __future__ import annotations

from ttc.grading.extract import extract_answer, gold_answer
from ttc.grading.files import GradeReport, grade_file
from ttc.grading.grader import Grader
from ttc.grading.reading import normalize_answer

__all__ = ["GradeReport", "Grader", "extract_answer", "gold_answer", "grade_file", "normalize_answer"]
