"""Is an answer equivalent to the gold answer? Structure decides what it can; single formulas go to a judge."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ttc.grading.form import Form, Kind
from ttc.grading.numeric import surely_different
from ttc.grading.reading import MAX_CHARACTERS, form

Judge = Callable[[str, str], bool | None]
"""Decides whether the formula of an answer (first) equals that of the gold; None leaves it open."""

_NO_VARIABLES = re.compile(r"_\{?\w+\}?|\(-?\d+\)|\\[A-Za-z]+")
_LISTS_COMPARED_IN_ANY_ORDER = 20  # longer lists are compared in the order written: matching them is quadratic


def undecided(answer: str, gold: str) -> None:
    """Leave every formula open: the judge of a process that must not run sympy."""


def equivalent(answer: Form, gold: Form, judge: Judge) -> bool | None:
    """Say whether `answer` equals `gold`: None where only the judge could tell and left it open."""
    if answer.base and answer.base != (gold.base or 10):  # the digits alone will do where a base was asked for
        return False
    if answer.name and gold.name and answer.name != gold.name:
        either = Kind.FORMULA in (answer.kind, gold.kind)  # y=2x and x=y/2 are one line, x=5 and y=5 are not
        return judge(answer.source, gold.source) if either else False
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
            return answer.shape == gold.shape and _in_order(answer.parts, gold.parts, judge)
        case Kind.LIST, Kind.TUPLE:
            return _is_point_without_brackets(answer, gold) and _in_order(answer.parts, gold.parts, judge)
        case Kind.MATRIX, Kind.MATRIX:
            return answer.shape == gold.shape and _in_order(answer.parts, gold.parts, judge)
        case (Kind.LIST, Kind.LIST) | (Kind.UNION, Kind.UNION):
            return _same_members(answer, gold, judge)
        case (Kind.FORMULA | Kind.NUMBER | Kind.MATRIX, Kind.FORMULA) | (Kind.FORMULA, Kind.NUMBER | Kind.MATRIX):
            return _same_formula(answer, gold, judge)
    return False


def _same_number(answer: Form, gold: Form) -> bool:
    """Compare exactly; 15% is 15 and 0.15; a gold that no decimal spells, like 1/3, is met by six right decimals."""
    assert answer.value is not None and gold.value is not None
    if answer.percent != gold.percent:
        scaled = answer.value / 100 if answer.percent else answer.value * 100
        if scaled == gold.value:
            return True
    if answer.places < 6 or _terminates(gold.value):
        return False
    return round(gold.value, answer.places) == answer.value


def _terminates(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _letters(words: Form) -> str:
    return "".join(sign for sign in words.key.casefold() if sign.isalnum() or sign in "+-")


def _same_formula(answer: Form, gold: Form, judge: Judge) -> bool | None:
    if "=" in answer.key and "=" not in gold.key and not gold.name:
        left, _, right = answer.key.rpartition("=")
        return _says_what_it_equals(left) and equivalent(form(right), gold, judge)
    if "=" in answer.key and gold.name:  # 2x-y+3=0 may be y=2x+3
        return judge(answer.key, gold.source)
    if answer.key.count("{") != answer.key.count("}"):  # cut off; parsing it would take seconds
        return False
    return False if surely_different(answer.key, gold.key) else judge(answer.key, gold.key)


def _says_what_it_equals(left: str) -> bool:
    """Is the value on the right what was asked for? So in 2+3=5, a+b=5 and P(3)=5, not in x^2=5 or 2x+3y=5."""
    bare = _NO_VARIABLES.sub("", left)
    return not (re.search(r"[A-Za-z]", bare) and re.search(r"[\d^]", bare))


def _is_point_without_brackets(answer: Form, gold: Form) -> bool:
    """Is a list meant as the point? 6,31,-1 is; a=1, b=2 is; 1,2 is not, it might have been an interval."""
    told_apart = answer.name is None and all(part.name for part in answer.parts)
    return gold.shape == "()" and (len(gold.parts) > 2 or told_apart)


def _in_order(answers: Sequence[Form], golds: Sequence[Form], judge: Judge) -> bool | None:
    if len(answers) != len(golds):
        return False
    verdicts: list[bool | None] = []
    for answer, gold in zip(answers, golds, strict=True):
        verdicts.append(equivalent(answer, gold, judge))
        if verdicts[-1] is False:
            return False
    return None if None in verdicts else True


def _same_members(answer: Form, gold: Form, judge: Judge) -> bool | None:
    """Pair the members off one to one in any order: True by certain pairs, None if open ones could do it."""
    if answer.ordered or gold.ordered or len(gold.parts) > _LISTS_COMPARED_IN_ANY_ORDER:
        return _in_order(answer.parts, gold.parts, judge)
    if len(answer.parts) != len(gold.parts):
        return False
    verdicts = [[equivalent(part, member, judge) for part in answer.parts] for member in gold.parts]
    if _pairs_off([[verdict is True for verdict in row] for row in verdicts]):
        return True
    return None if _pairs_off([[verdict is not False for verdict in row] for row in verdicts]) else False


def _pairs_off(allowed: list[list[bool]]) -> bool:
    """Say whether every row can have a column of its own (augmenting paths)."""
    owner: dict[int, int] = {}

    def seat(row: int, tried: set[int]) -> bool:
        for column, fits in enumerate(allowed[row]):
            if fits and column not in tried:
                tried.add(column)
                if column not in owner or seat(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    return all(seat(row, set()) for row in range(len(allowed)))
