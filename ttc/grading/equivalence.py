"""Equivalence of an answer and the gold answer, decided by structure except for pairs of formulas.

Pairs of formulas are passed to a comparator, which may run sympy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ttc.grading.form import Form, Kind
from ttc.grading.numeric import surely_different
from ttc.grading.parsing import MAX_CHARACTERS, parse_answer

FormulaComparator = Callable[[str, str], bool | None]
"""Decides whether the formula of an answer (first) equals that of the gold answer; None leaves it undecided."""

_NO_VARIABLES = re.compile(r"_\{?\w+\}?|\(-?\d+\)|\\[A-Za-z]+")
_MAX_UNORDERED_MEMBERS = 20  # longer lists are compared in written order: matching takes quadratic time


def leave_undecided(answer: str, gold: str) -> None:
    """Decide nothing: the comparator for a process that must not run sympy."""


def equivalent(answer: Form, gold: Form, compare: FormulaComparator) -> bool | None:
    """Return whether `answer` equals `gold`; None if that depends on formulas that `compare` left undecided."""
    if answer.base and answer.base != (gold.base or 10):  # the digits without a base are accepted for a based gold
        return False
    if answer.name and gold.name and answer.name != gold.name:
        either_is_formula = Kind.FORMULA in (answer.kind, gold.kind)
        # y=2x and x=y/2 are the same line; x=5 and y=5 are not.
        return compare(answer.source, gold.source) if either_is_formula else False
    if answer.key == gold.key:
        return True
    if max(len(answer.source), len(gold.source)) > MAX_CHARACTERS:
        return False
    match answer.kind, gold.kind:
        case Kind.NUMBER, Kind.NUMBER:
            return _same_number(answer, gold)
        case (Kind.WORDS, _) | (_, Kind.WORDS):
            return _letters(answer) == _letters(gold)
        case Kind.TUPLE, Kind.TUPLE:
            return answer.shape == gold.shape and _same_in_order(answer.parts, gold.parts, compare)
        case Kind.LIST, Kind.TUPLE:
            return _is_point_without_brackets(answer, gold) and _same_in_order(answer.parts, gold.parts, compare)
        case Kind.MATRIX, Kind.MATRIX:
            return answer.shape == gold.shape and _same_in_order(answer.parts, gold.parts, compare)
        case (Kind.LIST, Kind.LIST) | (Kind.UNION, Kind.UNION):
            return _same_members(answer, gold, compare)
        case (Kind.FORMULA | Kind.NUMBER | Kind.MATRIX, Kind.FORMULA) | (Kind.FORMULA, Kind.NUMBER | Kind.MATRIX):
            return _same_formula(answer, gold, compare)
    return False


def _same_number(answer: Form, gold: Form) -> bool:
    """Compare numbers exactly, with two exceptions.

    15% equals both 15 and 0.15. A gold number without a finite decimal expansion, such as 1/3, also equals any correct
    rounding to six or more decimals.
    """
    assert answer.value is not None and gold.value is not None
    if answer.percent != gold.percent:
        scaled = answer.value / 100 if answer.percent else answer.value * 100
        if scaled == gold.value:
            return True
    if answer.places < 6 or _is_finite_decimal(gold.value):
        return False
    return round(gold.value, answer.places) == answer.value


def _is_finite_decimal(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _letters(words: Form) -> str:
    return "".join(character for character in words.key.casefold() if character.isalnum() or character in "+-")


def _same_formula(answer: Form, gold: Form, compare: FormulaComparator) -> bool | None:
    if "=" in answer.key and "=" not in gold.key and not gold.name:
        left, _, right = answer.key.rpartition("=")
        return _is_value_statement(left) and equivalent(parse_answer(right), gold, compare)
    if "=" in answer.key and gold.name:  # 2x-y+3=0 can be y=2x+3
        return compare(answer.key, gold.source)
    if answer.key.count("{") != answer.key.count("}"):  # cut off; sympy would take seconds to parse it
        return False
    return False if surely_different(answer.key, gold.key) else compare(answer.key, gold.key)


def _is_value_statement(left: str) -> bool:
    """Whether an equation with this left side states a value: 2+3=5, a+b=5 and P(3)=5 do, x^2=5 and 2x+3y=5 do not."""
    bare = _NO_VARIABLES.sub("", left)
    return not (re.search(r"[A-Za-z]", bare) and re.search(r"[\d^]", bare))


def _is_point_without_brackets(answer: Form, gold: Form) -> bool:
    """Whether a list denotes a point: 6,31,-1 and a=1, b=2 do; 1,2 does not, as it could also be an interval."""
    all_named = answer.name is None and all(part.name for part in answer.parts)
    return gold.shape == "()" and (len(gold.parts) > 2 or all_named)


def _same_in_order(answers: Sequence[Form], golds: Sequence[Form], compare: FormulaComparator) -> bool | None:
    if len(answers) != len(golds):
        return False
    verdicts: list[bool | None] = []
    for answer, gold in zip(answers, golds, strict=True):
        verdicts.append(equivalent(answer, gold, compare))
        if verdicts[-1] is False:
            return False
    return None if None in verdicts else True


def _same_members(answer: Form, gold: Form, compare: FormulaComparator) -> bool | None:
    """Match members one to one in any order: True if decided pairs suffice, None if undecided pairs are needed."""
    if answer.ordered or gold.ordered or len(gold.parts) > _MAX_UNORDERED_MEMBERS:
        return _same_in_order(answer.parts, gold.parts, compare)
    if len(answer.parts) != len(gold.parts):
        return False
    verdicts = [[equivalent(part, member, compare) for part in answer.parts] for member in gold.parts]
    if _has_perfect_matching([[verdict is True for verdict in row] for row in verdicts]):
        return True
    return None if _has_perfect_matching([[verdict is not False for verdict in row] for row in verdicts]) else False


def _has_perfect_matching(allowed: list[list[bool]]) -> bool:
    """Return whether every row can be assigned a different allowed column (augmenting paths)."""
    row_of: dict[int, int] = {}  # column -> row

    def assign(row: int, tried: set[int]) -> bool:
        for column, fits in enumerate(allowed[row]):
            if fits and column not in tried:
                tried.add(column)
                if column not in row_of or assign(row_of[column], tried):
                    row_of[column] = row
                    return True
        return False

    return all(assign(row, set()) for row in range(len(allowed)))
