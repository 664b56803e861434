r"""The kinds of answers (number, list, tuple, union, matrix, words, formula), and parsers for numbers and words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from ttc.grading.latex import compact


class Kind(Enum):
    """The kind of a parsed answer."""

    NUMBER = "number"  # an exact rational number
    LIST = "list"  # 1, 2 or {1, 2}: unordered, except lists of words
    TUPLE = "tuple"  # a point or an interval; different brackets differ
    UNION = "union"  # of intervals, unordered
    MATRIX = "matrix"  # cells in row-major order
    WORDS = "words"
    FORMULA = "formula"  # everything else; compared by sympy


@dataclass(frozen=True, slots=True)
class Form:
    r"""A parsed answer. Answers with equal keys are equal, except for `name` (x in x=5) and `base` (8 in 17_8)."""

    kind: Kind
    key: str
    source: str  # the whole answer as one line of LaTeX, for sympy
    value: Fraction | None = None
    places: int = 0  # decimal places as written
    percent: bool = False
    parts: tuple[Form, ...] = ()
    shape: str = ""  # the brackets of a tuple, the row lengths of a matrix
    ordered: bool = True
    name: str | None = None
    base: int | None = None


_DECIMAL = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:\\cdot10\^(?:(\d)|\{(-?\d{1,2})\}))?")
_QUOTIENT = re.compile(r"([+-]?)(?:\\frac\{([+-]?\d+)\}\{(\d+)\}|(\d+)/(\d+))")
_MIXED = re.compile(r"(-?)(\d+)(?:\s*\\frac\s*(?:\{(\d+)\}|(\d))\s*(?:\{(\d+)\}|(\d+))|\s+(\d+)/(\d+))")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BASED = re.compile(r"\(?(?=\w*\d)([0-9A-F]+)\)?_(?:\{?(\d+)\}?|\{?([a-z]+)\}?)")
_BASES = dict(two=2, three=3, four=4, five=5, six=6, seven=7, eight=8, nine=9, ten=10, twelve=12, sixteen=16)
_WORDS = re.compile(r"(?:(?:a|an|the) )?[a-z]{3,}(?:[ '-][a-z]+)*\.?", re.IGNORECASE)
_WRAPPED_WORDS = re.compile(r"[(a-z][a-z'.\- ]+\)?", re.IGNORECASE)
_SHORT_WORDS = frozenset({"yes", "no", "odd"})


def number_form(value: Fraction, source: str, places: int = 0) -> Form:
    """Return the `Form` of a rational number."""
    return Form(Kind.NUMBER, str(value), source, value=value, places=places)


def parse_number(text: str) -> Form | None:
    r"""Parse a number: 1,234  0.5  -3/4  \frac34  1\frac{1}{2}  6.7\cdot10^{-5}. Return None for other texts."""
    if mixed := _MIXED.fullmatch(text):
        whole, top, bottom = int(mixed[2]), int(mixed[3] or mixed[4] or mixed[7]), int(mixed[5] or mixed[6] or mixed[8])
        if bottom:
            return number_form((whole + Fraction(top, bottom)) * (-1 if mixed[1] else 1), text)
    line = text.replace(",", "") if _THOUSANDS.fullmatch(text) else compact(text)
    if decimal := _DECIMAL.fullmatch(line):
        value = Fraction(decimal[1]) * Fraction(10) ** int(decimal[2] or decimal[3] or 0)
        return number_form(value, line, places=len(decimal[1].partition(".")[2]))
    quotient = _QUOTIENT.fullmatch(line)
    if quotient and int(quotient[3] or quotient[5]):
        value = Fraction(int(quotient[2] or quotient[4]), int(quotient[3] or quotient[5]))
        return number_form(-value if quotient[1] == "-" else value, line)
    return None


def parse_based_number(line: str) -> Form | None:
    """Parse a number with a base, such as 2516_8: the digits become the key, the base is kept separately."""
    found = _BASED.fullmatch(line)
    base = int(found[2] or _BASES.get(found[3], 0)) if found else 0
    if not found or base < 2:
        return None
    digits = found[1]
    value = number_form(Fraction(int(digits)), line) if digits.isdigit() else Form(Kind.FORMULA, digits, digits)
    return replace(value, base=base)


def parse_words(text: str, wrapped: bool) -> Form | None:
    r"""Parse words; the key has no case, article or brackets.

    `wrapped` words were inside \text{}. Otherwise two or three letters are a product of variables, not a word.
    """
    if not (_WRAPPED_WORDS if wrapped else _WORDS).fullmatch(text):
        return None
    key = re.sub(r"^(?:a|an|the) ", "", " ".join(text.strip("() .").casefold().split()))
    if key == "infinity" or len(key) < 2 or not (wrapped or len(key) > 3 or key in _SHORT_WORDS):
        return None
    return Form(Kind.WORDS, key, text)
