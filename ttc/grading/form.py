"""The parsed form of an answer: its kind (number, list, tuple, union, matrix, words, formula) and its parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction


class Kind(Enum):
    """The kind of a parsed answer."""

    NUMBER = "number"  # an exact rational number
    LIST = "list"  # 1, 2 or {1, 2}: unordered, except lists with words
    TUPLE = "tuple"  # a point or an interval; different brackets differ
    UNION = "union"  # of intervals, unordered
    MATRIX = "matrix"  # cells in row-major order
    WORDS = "words"
    FORMULA = "formula"  # everything else; compared by its values, or by sympy


@dataclass(frozen=True, slots=True)
class Form:
    r"""A parsed answer. Forms with equal keys are equal, except for what their other fields say."""

    kind: Kind
    key: str
    value: Fraction | None = None
    places: int = 0  # decimal places as written
    percent: bool = False
    parts: tuple[Form, ...] = ()
    shape: str = ""  # the brackets of a tuple, the row lengths of a matrix
    ordered: bool = True
    name: str | None = None  # x in x=5
    base: int | None = None  # 8 in 17_8
    unit: str | None = None  # km in 5 km
    other: Form | None = None  # a second way to read the answer: 120,240 is a number or a list

    def identity(self, units: bool = False) -> str:
        """Return a text that differs for answers that may be graded differently; units count only if `units`."""
        text = f"{self.name}={self.key}" if self.name else self.key
        text += "%" * self.percent + (f"_{self.base}" if self.base else "")
        if self.places >= MIN_ROUNDED_PLACES:  # 0.333333 rounds 1/3, 0.3333330 does not
            text += f"~{self.places}"
        if units:
            text += "".join(f"[{unit}]" for unit in self._units())
        return f"{text} | {self.other.identity(units)}" if self.other else text

    @property
    def may_be_rounded(self) -> bool:
        """Whether a decimal number is precise enough to stand for an exact gold answer, such as 0.333333 for 1/3."""
        if self.value is None or self.places < MIN_ROUNDED_PLACES:
            return False
        return bool(abs(self.value) * 10**self.places >= 10 ** (MIN_ROUNDED_DIGITS - 1))

    def _units(self) -> list[str]:
        """Return the units of the form and of its parts."""
        own = [self.unit] if self.unit else []
        return own + [unit for part in self.parts for unit in part._units()]


MIN_ROUNDED_PLACES = 6
"""The decimal places from which on a decimal number may be the rounding of an exact gold answer."""

MIN_ROUNDED_DIGITS = 5
"""The significant digits that it must have besides: 0.000031 is too coarse."""


def number_form(value: Fraction, places: int = 0) -> Form:
    """Return the `Form` of a rational number."""
    return Form(Kind.NUMBER, str(value), value=value, places=places)


def formula_form(line: str) -> Form:
    """Return the `Form` of a formula, given as a compact line of LaTeX."""
    return Form(Kind.FORMULA, line)


def list_form(parts: list[Form]) -> Form:
    r"""Return the form of a list; a name that all its parts share is the list's.

    Lists are unordered, except lists with words, which may be rankings: Alice, Robert.
    """
    parts = [inner for part in parts for inner in (part.parts if _is_plain_list(part) else (part,))]
    if len(parts) == 1:
        return parts[0]
    names = {part.name for part in parts}
    name = names.pop() if len(names) == 1 else None
    if name:
        parts = [replace(part, name=None) for part in parts]
        if name.islower() and all(part.kind in (Kind.TUPLE, Kind.UNION) for part in parts):  # x<2 or x>3
            return union_form(parts, name)
    ordered = any(part.kind is Kind.WORDS for part in parts)
    keys = [part.identity() for part in parts]
    return Form(Kind.LIST, ", ".join(keys if ordered else sorted(keys)), parts=tuple(parts), ordered=ordered, name=name)


def _is_plain_list(form: Form) -> bool:
    return form.kind is Kind.LIST and not (form.ordered or any(part.name for part in form.parts))


def tuple_form(parts: list[Form], brackets: str) -> Form:
    """Return the form of a point or an interval."""
    key = brackets[0] + ",".join(part.identity() for part in parts) + brackets[-1]
    return Form(Kind.TUPLE, key, parts=tuple(parts), shape=brackets)


def union_form(parts: list[Form], name: str | None = None) -> Form:
    """Return the form of a union of intervals."""
    parts = [inner for part in parts for inner in (part.parts if part.kind is Kind.UNION else (part,))]
    key = "\\cup".join(sorted(part.identity() for part in parts))
    return Form(Kind.UNION, key, parts=tuple(parts), ordered=False, name=name)
