r"""Parsing of raw answers into `Form`, and the keys that group samples by final answer.

Only string operations of linear cost, with a cache: 0.5, 1/2 and \frac12 are recognized as the same number without
sympy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from ttc.grading.brackets import MAX_DEPTH, bracket_depths, enclosed, split
from ttc.grading.form import Form, Kind, formula_form, list_form, number_form, tuple_form, union_form
from ttc.grading.latex import compact, strip_punctuation, tidy, unwrap_text
from ttc.grading.number import parse_based_number, parse_compact_number, parse_mixed_number, parse_number
from ttc.grading.sets import intersect, parse_inequality, parse_set
from ttc.grading.units import strip_percent, strip_scale, strip_unit
from ttc.grading.words import choice_letter, is_all_reals, is_empty_set, parse_words, strip_phrases

MAX_CHARACTERS = 1000  # longer answers are correct only if spelled exactly like the gold answer

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_GROUPED_DIGITS = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,]*\d)")
_INDEX = r"(?:_(?:\{[^{}=<>]{1,20}\}|\\?\w+))?"
_ACCENTED = r"\\(?!cup|or|leq|geq|neq|pm|mp|cdot)[a-z]+\{[A-Za-z]+\}"
_SYMBOL = rf"(?:{_ACCENTED}|(?:\\(?:angle|triangle) ?)?\\?[A-Za-z]+){_INDEX}'*"
_NAMES = re.compile(rf"\((?:{_SYMBOL}[,;])+{_SYMBOL}\)|{_SYMBOL}(?:\^(?:\{{-1\}}|[T*]))?(?:\([A-Za-z]\))?'*")
_FUNCTIONS = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc|log|ln|exp|lim|sqrt|arc\w+|det|max|min)(?![A-Za-z])")
_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}")
_REALS = tuple_form([formula_form("-\\infty"), formula_form("\\infty")], "()")
_CASES = re.compile(r"\\begin ?\{(cases|aligned|align\*?|gathered)\}(.*)\\end ?\{\1\}", re.DOTALL)


@lru_cache(maxsize=1 << 16)
def normalize_answer(answer: str, *, units: bool = False) -> str:
    """Return a key; answers with equal keys get equal grades. Results are cached."""
    return str(int(answer)) if _INTEGER.fullmatch(answer) else parse_answer(answer).identity(units)


@lru_cache(maxsize=1 << 16)
def parse_answer(answer: str) -> Form:
    """Parse a raw answer. Results are cached."""
    if _INTEGER.fullmatch(answer):
        return number_form(Fraction(int(answer)))
    text = answer.strip()
    if len(text) > MAX_CHARACTERS:
        text = " ".join(text.split())
    if len(text) > MAX_CHARACTERS or max(bracket_depths(text, "([{"), default=0) > MAX_DEPTH:
        return formula_form(text)
    try:
        return _read(text)
    except RecursionError:  # x in x in x...
        return formula_form(text)


def _read(text: str) -> Form:
    tidied = strip_phrases(tidy(text))
    form = _parse(tidied)
    if form.unit is None and text.startswith(("\\$", "$\\$")):
        form = replace(form, unit="$")
    return replace(form, other=other) if (other := _other_reading(tidied, form)) else form


def _other_reading(text: str, form: Form) -> Form | None:
    """Return a second form of an ambiguous answer: thousands or a list, a choice with its text."""
    if letter := choice_letter(text):
        return None if form.key == letter else formula_form(letter)
    if _GROUPED_DIGITS.search(text):
        other = _parse(_change_commas(text, outside=", ", inside=""))
        is_list = other.kind not in (Kind.NUMBER, Kind.FORMULA)  # (4,500) is a point, not a number
        return other if other != form and is_list else None
    if form.unit and len(form.unit) == 1 and form.unit.isascii() and text[-1:] == form.unit:  # 2 m may be a product
        return formula_form(compact(text))
    return None


def _change_commas(text: str, outside: str, inside: str) -> str:
    """Replace the commas between groups of three digits, outside and inside of brackets."""
    depths = bracket_depths(text)
    return _GROUPED_DIGITS.sub(lambda found: found[0].replace(",", inside if depths[found.start()] else outside), text)


def _parse(text: str) -> Form:
    """Parse tidy `text`: as words, as a list, as a number with its unit, then by relation signs and brackets."""
    text = strip_punctuation(text)
    bare = strip_punctuation(unwrap_text(text))
    if is_all_reals(bare):
        return _REALS
    if words := parse_words(bare, wrapped=bare != text):
        return words
    if cases := _CASES.fullmatch(bare):
        return _parse_list(split(cases[2].replace("&", ""), "\\\\", ","))
    if parsed := parse_number(bare):
        return parsed
    return _parse_joined(bare)


def _parse_joined(text: str) -> Form:
    alternatives = [piece for piece in split(text, "\\or") if piece.strip()]
    if len(alternatives) > 1:
        return list_form(list({form.identity(): form for form in map(_parse, alternatives)}.values()))
    if ";" in text and "," in text and len(groups := split(text, ";")) > 1:  # x=1,y=2; x=3,y=4
        return list_form([_parse(group) for group in groups if group.strip()])
    text = _change_commas(text, outside="", inside=",") if _GROUPED_DIGITS.search(text) else text
    pieces = [piece for piece in split(text, ",", ";") if piece.strip()]
    return _parse_list(pieces) if len(pieces) > 1 else _parse_one(text)


def _parse_list(pieces: list[str]) -> Form:
    parts = [_parse(piece) for piece in pieces if piece.strip()]
    return intersect(parts) or list_form(parts)


def _parse_one(text: str) -> Form:
    """Parse a text without commas outside brackets."""
    value, unit = strip_unit(text)
    value, percent = strip_percent(value)
    value, scale = strip_scale(value)
    form = parse_number(value) if value != text else None
    if form is None and value.startswith(("(", "[")):  # the parts may have units
        form = _parse_bracketed(value)
    form = form or parse_line(compact(value))
    if scale > 1:
        if form.value is None:
            return formula_form(compact(value) + str(scale))
        form = number_form(form.value * scale)
    return replace(form, unit=unit, percent=percent) if unit or percent else form


def parse_line(line: str) -> Form:
    """Parse a compact line without commas outside brackets."""
    if number := parse_compact_number(line) or parse_mixed_number(line):
        return number
    if is_all_reals(line):
        return _REALS
    if is_empty_set(line):
        return Form(Kind.WORDS, "no solution")
    for parse in (_parse_set, _parse_named, _parse_union, _parse_bracketed, _parse_plus_minus, parse_based_number):
        if parsed := parse(line):
            return parsed
    return formula_form(line)


def _parse_set(line: str) -> Form | None:
    return parse_set(line, parse_line) or parse_inequality(line, parse_line)


def _parse_named(line: str) -> Form | None:
    r"""Split x=5, 5=x, x=2+3=5 and x\in[0,1] into name and value; the key is that of the value."""
    left, approx, right = line.partition("\\approx")
    if approx:
        return parse_line(f"{left}={right}" if is_name(left) else left or right)
    name, contains, value = line.partition("\\in")
    if contains and not value[:1].isalpha() and is_name(name) and value:
        return _named(name, parse_line(value.strip()))
    sides = split(line, "=") if "=" in line else []
    if len(sides) < 2 or not all(sides):
        return None
    if is_name(sides[0]):
        return _named(sides[0], parse_line(sides[-1]))
    if is_name(sides[-1]):
        return _named(sides[-1], parse_line(sides[0]))
    return None


def is_name(text: str) -> bool:
    """Whether a text is what an equation may define: x, a_1, AB, f(x), y', (x,y); not sin(x)."""
    return len(text) <= 60 and bool(_NAMES.fullmatch(text)) and not _FUNCTIONS.match(text) and text not in ("e", "i")


def _named(name: str, form: Form) -> Form:
    if name.startswith("(") and form.kind is Kind.TUPLE:
        names = split(name[1:-1], ",", ";")
        if len(names) == len(form.parts):
            return list_form([replace(part, name=name) for name, part in zip(names, form.parts, strict=True)])
    return replace(form, name=name)


def _parse_union(line: str) -> Form | None:
    pieces = split(line, "\\cup")
    return union_form([parse_line(piece) for piece in pieces]) if len(pieces) > 1 else None


def _parse_bracketed(line: str) -> Form | None:
    if line.count("\\begin") == 1 and (matrix := _MATRIX.fullmatch(line)):
        rows = [split(row, "&") for row in split(matrix[1], "\\\\") if row]
        cells = [parse_line(cell) for row in rows for cell in row]
        shape = "x".join(str(len(row)) for row in rows)
        return Form(Kind.MATRIX, line, parts=tuple(cells), shape=shape)
    if not (found := enclosed(line)):
        return None
    opening, inner, closing = found
    if "\\pm" in inner and opening != "\\{":
        return _parse_plus_minus(line)
    pieces = split(inner, ",", ";")
    if opening in ("\\{", "{") or (len(pieces) == 1 and opening == "("):
        return list_form([_parse(piece) for piece in pieces])
    return tuple_form([_parse(piece) for piece in pieces], opening + closing) if len(pieces) > 1 else None


def _parse_plus_minus(line: str) -> Form | None:
    if not 1 <= line.count("\\pm") <= 2:
        return None
    signs = (("+", "-"), ("-", "+"))
    lines = [line.replace("\\pm", plus).replace("\\mp", minus) for plus, minus in signs]
    return list_form([parse_line(compact(signed)) for signed in lines])
