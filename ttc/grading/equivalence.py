"""Equivalence of an answer and the gold answer: by structure, and for formulas by their values.

Formulas whose values cannot be computed are passed to a comparator, which may run sympy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from string import ascii_lowercase

from ttc.grading.form import Form, Kind
from ttc.grading.numeric import rounds_to
from ttc.grading.parsing import parse_line
from ttc.grading.relations import has_variables, is_relation, is_value_statement, same_formula, same_names

FormulaComparator = Callable[[str, str], bool | None]
"""Decides whether the formula of an answer (first) equals that of the gold answer; None leaves it undecided."""

_MAX_UNORDERED_MEMBERS = 20  # longer lists are compared in written order: matching takes quadratic time


def leave_undecided(answer: str, gold: str) -> None:
    """Decide nothing: the comparator for a process that must not run sympy."""


def equivalent(answer: Form, gold: Form, compare: FormulaComparator, *, units: bool = False) -> bool | None:
    """Return whether `answer` equals `gold`; None if that depends on formulas that `compare` left undecided.

    With `units`, an answer in another unit than the gold answer's is wrong; one without a unit is not.
    """
    comparison = _Comparison(compare, units)
    verdict = comparison.same(answer, gold)
    if verdict or not (answer.other or gold.other):
        return verdict
    readings = [(answer.other, gold), (answer, gold.other)]
    return _any([verdict, *(comparison.same(first, second) for first, second in readings if first and second)])


@dataclass(frozen=True)
class _Comparison:
    """How to compare two forms."""

    compare: FormulaComparator
    units: bool

    def same(self, answer: Form, gold: Form) -> bool | None:
        if answer.base and answer.base != (gold.base or 10):  # digits without a base are accepted for a based gold
            return False
        if self.units and answer.unit and gold.unit and answer.unit != gold.unit:
            return False
        if answer.name and gold.name and not same_names(answer.name, gold.name):
            if Kind.FORMULA not in (answer.kind, gold.kind):
                return False
            return same_formula(_equation(answer), _equation(gold), self.compare)  # x=y/2 is y=2x
        if answer.key == gold.key and not (self.units and answer.parts):
            return True
        match answer.kind, gold.kind:
            case Kind.NUMBER, Kind.NUMBER:
                return _same_number(answer, gold)
            case (Kind.WORDS, _) | (_, Kind.WORDS):
                return _letters(answer) == _letters(gold) != ""
            case (Kind.TUPLE, Kind.TUPLE) | (Kind.MATRIX, Kind.MATRIX):
                return answer.shape == gold.shape and self._same_in_order(answer.parts, gold.parts)
            case Kind.LIST, Kind.TUPLE:
                return _is_point_without_brackets(answer, gold) and self._same_in_order(answer.parts, gold.parts)
            case Kind.TUPLE, Kind.LIST:
                return _has_names(gold) and answer.shape == "()" and self._same_in_order(answer.parts, gold.parts)
            case (Kind.LIST, Kind.LIST) | (Kind.UNION, Kind.UNION):
                return self._same_members(answer, gold)
            case (Kind.FORMULA, _) | (_, Kind.FORMULA):
                return self._same_formula(answer, gold)
        return False

    def _same_formula(self, answer: Form, gold: Form) -> bool | None:
        if answer.key.count("{") != answer.key.count("}"):  # cut off
            return False
        if is_relation(gold.key):
            return self._same_relation(answer, gold)
        if is_relation(answer.key):
            if gold.name:  # 2x-y+3=0 is y=2x+3
                return same_formula(answer.key, _equation(gold), self.compare)
            left, _, right = answer.key.rpartition("=")
            return bool(left and right) and is_value_statement(left) and self.same(parse_line(right), gold)
        if {answer.kind, gold.kind} & {Kind.LIST, Kind.UNION, Kind.TUPLE}:
            return False
        if Kind.MATRIX in (answer.kind, gold.kind) and not ("\\begin" in answer.key and "\\begin" in gold.key):
            return False
        if _is_rounded(answer, gold) or _is_rounded(gold, answer):
            return True
        return same_formula(answer.key, gold.key, self.compare)

    def _same_relation(self, answer: Form, gold: Form) -> bool | None:
        """Compare with a gold equation, which a solution, an identity's value, or another equation may equal."""
        if answer.name or is_relation(answer.key):
            return same_formula(_equation(answer), gold.key, self.compare)
        left, _, right = gold.key.rpartition("=")
        return bool(left and right) and not has_variables(left) and self.same(answer, parse_line(right))

    def _same_in_order(self, answers: Sequence[Form], golds: Sequence[Form]) -> bool | None:
        if len(answers) != len(golds):
            return False
        verdicts: list[bool | None] = []
        for answer, gold in zip(answers, golds, strict=True):
            verdicts.append(self.same(answer, gold))
            if verdicts[-1] is False:
                return False
        return None if None in verdicts else True

    def _same_members(self, answer: Form, gold: Form) -> bool | None:
        """Match members one to one in any order: True if decided pairs suffice, None if undecided pairs are needed."""
        if len(answer.parts) != len(gold.parts):
            return False
        answers, golds = _named_parts(answer), _named_parts(gold)
        positional = not (answer.name and gold.name) and _has_names(answer) != _has_names(gold)
        if positional or answer.ordered or gold.ordered or len(golds) > _MAX_UNORDERED_MEMBERS:
            return self._same_in_order(answers, golds)  # x=1, y=2 is 1, 2 but not 2, 1
        verdicts = [[self.same(part, member) for part in answers] for member in golds]
        if _has_perfect_matching([[verdict is True for verdict in row] for row in verdicts]):
            return True
        return None if _has_perfect_matching([[verdict is not False for verdict in row] for row in verdicts]) else False


def _equation(form: Form) -> str:
    """Return an equation as a formula: of x=2, x=-2 the product (x-2)(x+2)=0."""
    if not form.name:
        return form.key
    if form.kind is Kind.LIST and all(part.kind in (Kind.NUMBER, Kind.FORMULA) for part in form.parts):
        return "".join(f"({form.name}-({part.key}))" for part in form.parts) + "=0"
    if form.kind is Kind.TUPLE and len(form.parts) == 2:  # an interval
        (low, high), signs = form.parts, {"(": "<", "[": "\\leq", ")": "<", "]": "\\leq"}
        if low.key == "-\\infty":
            return f"{form.name}{signs[form.shape[1]]} {high.key}"
        if high.key == "\\infty":
            return f"{low.key}{signs[form.shape[0]]} {form.name}"
    return f"{form.name}={form.key}"


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
    if not answer.may_be_rounded or _is_finite_decimal(gold.value):
        return False
    return round(gold.value, answer.places) == answer.value


def _is_rounded(decimal: Form, exact: Form) -> bool:
    r"""Whether a number with enough decimals is the rounding of an irrational one: 1.41421356 of \sqrt2."""
    if decimal.value is None or not decimal.may_be_rounded or exact.kind is not Kind.FORMULA:
        return False
    return rounds_to(exact.key, decimal.value, decimal.places)


def _is_finite_decimal(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _letters(words: Form) -> str:
    return "".join(character for character in words.key.casefold() if character.isalnum() or character in "+-")


def _named_parts(form: Form) -> list[Form]:
    """Return the parts of a list with its own name, if it has one: x=1 and x=2 of x=1, 2."""
    return [replace(part, name=form.name) for part in form.parts] if form.name else list(form.parts)


def _has_names(form: Form) -> bool:
    """Whether a list names its members differently: x=1, y=2."""
    return form.kind is Kind.LIST and len({part.name for part in form.parts} - {None}) > 1


def _is_point_without_brackets(answer: Form, gold: Form) -> bool:
    """Whether a list denotes a point: 6,31,-1 and a=1, b=2 do; 1,2 does not, as it could also be an interval."""
    names = [part.name for part in answer.parts]
    if answer.name is None and all(names):
        neighbours = "".join(sorted(map(str, names))) in ascii_lowercase
        return gold.shape == "()" and (names == sorted(map(str, names)) or not neighbours)  # y=5, x=3 is (3,5)
    return gold.shape == "()" and len(gold.parts) > 2


def _any(verdicts: Sequence[bool | None]) -> bool | None:
    return True if True in verdicts else None if None in verdicts else False


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
