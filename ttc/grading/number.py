r"""Rational numbers as answers: 1,234  0.5  \frac34  1\frac{1}{2}  6.7\cdot10^{-5}  4.5e33  0.\overline{3}  17_8."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from ttc.grading.form import Form, formula_form, number_form
from ttc.grading.latex import compact

_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_DECIMAL = re.compile(rf"([+-]?{_DIGITS})(?:\\cdot10\^(?:(\d)|\{{(-?\d{{1,3}})\}})|[eE]([+-]?\d{{1,3}}))?")
_POWER_OF_TEN = re.compile(r"([+-]?)10\^(?:(\d)|\{(-?\d{1,3})\})")
_QUOTIENT = re.compile(rf"([+-]?)(?:\\frac\{{([+-]?{_DIGITS})\}}\{{([+-]?{_DIGITS})\}}|({_DIGITS})/({_DIGITS}))")
_MIXED = re.compile(r"(-?)(\d+)(?: ?\\frac ?(?:\{(\d+)\}|(\d)) ?(?:\{(\d+)\}|(\d+))| (\d+)/(\d+))")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(?:\.\d+)?")
_REPEATING = re.compile(r"([+-]?)(\d*)\.(\d*)(?:\\(?:overline|bar) ?(?:\{(\d+)\}|(\d))|(?:\.\.\.|\\l?dots|\\cdots))")
_BASED = re.compile(r"(-?)\(?([0-9A-F]+)(?:\.([0-9A-F]+))?\)?_(?:\{?(\d{1,2})\}?|\{?([a-z]+)\}?)")
_BASES = dict(two=2, three=3, four=4, five=5, six=6, seven=7, eight=8, nine=9, ten=10, twelve=12, sixteen=16)
_MAX_SHOWN_DIGITS = 40
_MIN_SHOWN_DIGITS = 3  # the digits that 0.333... and 0.1212... must repeat before their dots


def parse_number(text: str) -> Form | None:
    """Parse a number; return None for other texts."""
    if mixed := parse_mixed_number(text):
        return mixed
    return parse_compact_number(re.sub("[, ]", "", text) if _THOUSANDS.fullmatch(text) else compact(text))


def parse_compact_number(line: str) -> Form | None:
    """Parse a number from a compact line."""
    if decimal := _DECIMAL.fullmatch(line):
        value = Fraction(decimal[1]) * Fraction(10) ** int(decimal[2] or decimal[3] or decimal[4] or 0)
        return number_form(value, places=len(decimal[1].partition(".")[2]))
    if power := _POWER_OF_TEN.fullmatch(line):
        return number_form(Fraction(10) ** int(power[2] or power[3]) * (-1 if power[1] == "-" else 1))
    if quotient := _QUOTIENT.fullmatch(line):
        top, bottom = Fraction(quotient[2] or quotient[4]), Fraction(quotient[3] or quotient[5])
        return number_form(top / bottom * (-1 if quotient[1] == "-" else 1)) if bottom else None
    return _parse_repeating(line)


def parse_mixed_number(text: str) -> Form | None:
    r"""Parse 1\frac{1}{2} or 1 1/2; return None for other texts."""
    mixed = _MIXED.fullmatch(text)
    if not mixed:
        return None
    part, whole = int(mixed[3] or mixed[4] or mixed[7]), int(mixed[5] or mixed[6] or mixed[8])
    return number_form((int(mixed[2]) + Fraction(part, whole)) * (-1 if mixed[1] else 1)) if whole else None


def _parse_repeating(line: str) -> Form | None:
    r"""Parse a repeating decimal: 0.1\overline{6}, or 0.1666... with its period shown often enough."""
    if not (found := _REPEATING.fullmatch(line)):
        return None
    fixed, period = found[3], found[4] or found[5]
    if not period:
        shown = re.fullmatch(r"(\d*?)(\d{1,6}?)\2+", fixed[:_MAX_SHOWN_DIGITS])
        if not shown or len(fixed) - len(shown[1]) < max(_MIN_SHOWN_DIGITS, 2 * len(shown[2])):
            return None
        fixed, period = shown[1], shown[2]
    scale = 10 ** len(fixed)
    value = Fraction(int(found[2] or 0) * scale + int(fixed or 0), scale)
    value += Fraction(int(period), scale * (10 ** len(period) - 1))
    return number_form(-value if found[1] == "-" else value)


def parse_based_number(line: str) -> Form | None:
    """Parse a number with a base, such as 2516_8: the digits become the key, the base is kept separately."""
    found = _BASED.fullmatch(line)
    base = int(found[4] or _BASES.get(found[5], 0)) if found else 0
    if not found or not 2 <= base <= 16 or any(int(digit, 16) >= base for digit in found[2] + (found[3] or "")):
        return None
    digits = found[1] + found[2] + (f".{found[3]}" if found[3] else "")
    if not digits[-1].isdigit() and len(digits) == 1:  # F_16 may be a name
        return None
    return replace(parse_number(digits) or formula_form(digits), base=base)
