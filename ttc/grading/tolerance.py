"""`grader=numeric`: the answer must be a number close to the gold number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ttc.errors import UserError
from ttc.grading.base import AnswerGrader, numbered
from ttc.grading.evaluate import Evaluator
from ttc.grading.form import Form, Kind
from ttc.grading.formula import UnreadableFormulaError, names_in, parse_formula
from ttc.grading.parsing import parse_answer


@dataclass
class NumericGrader(AnswerGrader):
    r"""Accepts numbers within a tolerance of the gold number: |answer - gold| <= max(absolute, relative * |gold|).

    Numbers are read as `grader=math` reads them: "9 (apples)", "1,200", "\frac{3}{4}", "2\sqrt{3}", "3\times10^8".
    Units are ignored, and 15% is 15 as well as 0.15.

    Votes: closeness is not transitive. So the values are taken from the most frequent to the rarest (among equals, the
    smaller first), and each joins the first head of a class that, as the gold answer, accepts it, or heads a new one.
    """

    relative: float = 1e-3
    absolute: float = 0.0

    def check(self) -> None:
        for name in ("relative", "absolute"):
            if not 0 <= (value := getattr(self, name)) < math.inf:  # NaN is not
                raise UserError(f"grader.{name}={value}: must be a number that is not negative; use e.g. 0.01.")

    def gold(self, text: str) -> str:
        if number_of(text) is None:
            raise ValueError("which is not a number")
        return text.strip()

    def is_correct(self, answer: str, gold: str) -> bool:
        found, wanted = number_of(answer), number_of(gold)
        return found is not None and wanted is not None and self._is_close(found, wanted)

    def votes(self, answers: Iterable[str]) -> dict[str, int]:
        counts = Counter(answers)
        numbers = {answer: number_of(answer) for answer in counts}
        of_value: dict[tuple[Fraction, bool], list[str]] = {}
        for answer, number in numbers.items():
            if number is not None:
                of_value.setdefault((number.value, number.percent), []).append(answer)
        weight = {value: sum(counts[answer] for answer in members) for value, members in of_value.items()}
        classes: list[list[str]] = [[answer] for answer, number in numbers.items() if number is None]
        heads: list[tuple[_Number, list[str]]] = []
        for value in sorted(of_value, key=lambda value: (-weight[value], value)):
            number = _Number(*value)
            members = next((members for head, members in heads if self._is_close(number, head)), None)
            if members is None:
                heads.append((number, members := []))
            members += of_value[value]
        return numbered([*classes, *(members for _, members in heads)])

    def _is_close(self, answer: _Number, gold: _Number) -> bool:
        tolerance = max(Fraction(self.absolute), Fraction(self.relative) * abs(gold.value))
        values = [answer.value]
        if answer.percent != gold.percent:
            values.append(answer.value / 100 if answer.percent else answer.value * 100)
        return any(abs(value - gold.value) <= tolerance for value in values)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number, and whether it is written with a percent sign."""

    value: Fraction
    percent: bool


@lru_cache(maxsize=1 << 14)
def number_of(text: str) -> _Number | None:
    """Read a number, or a formula that has one as its value; None for anything else."""
    form = parse_answer(text)
    value = form.value if form.value is not None else _value_of(form)
    return None if value is None else _Number(value, form.percent)


def _value_of(form: Form) -> Fraction | None:
    if form.kind is not Kind.FORMULA:
        return None
    try:
        tree = parse_formula(form.key.rpartition("=")[2])
        found = Evaluator({}).value(tree) if not names_in(tree) else None
        return Fraction(float(found.number.real)) if found is not None and found.is_real else None
    except (UnreadableFormulaError, ArithmeticError, ValueError, RecursionError):
        return None
