r"""Parsing of raw answers into `Form`, and the keys that group samples by final answer.

Only string operations, with a cache: 0.5, 1/2 and \frac12 are recognized as the same number without sympy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from ttc.grading.form import Form, Kind, number_form, parse_based_number, parse_number, parse_words
from ttc.grading.latex import compact, strip_units, tidy, unwrap_text

MAX_CHARACTERS = 1000  # longer answers are correct only if spelled exactly like the gold answer

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NAMES = r"\((?:\\?[a-z]+,)+\\?[a-z]+\)|\\?[A-Za-z]+(?:_\{?\w+\}?)?'?(?:\([a-z]\))?"
_NAME = re.compile(rf"({_NAMES})(?:=|\\in(?![A-Za-z]))(?!=)")
_VARIABLE = re.compile(r"[A-Za-z]|\\[a-z]+")
_ORDER = re.compile(r"(<|>|\\leq|\\geq)")
_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", re.DOTALL)
_TOKENS = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPENING, _CLOSING = frozenset({"(", "[", "{", "\\{"}), frozenset({")", "]", "}", "\\}"})


@lru_cache(maxsize=1 << 16)
def normalize_answer(answer: str) -> str:
    """Return the key that equal final answers share; answers with equal keys get equal grades. Results are cached."""
    return str(int(answer)) if _INTEGER.fullmatch(answer) else parse_answer(answer).key


@lru_cache(maxsize=1 << 16)
def parse_answer(answer: str) -> Form:
    """Parse a raw answer. Results are cached."""
    text = answer.strip()
    if _INTEGER.fullmatch(text):
        return number_form(Fraction(int(text)), text)
    if len(text) > MAX_CHARACTERS:
        return Form(Kind.WORDS, text, text)
    try:
        return _parse(tidy(text))
    except RecursionError:  # hundreds of nested brackets
        return Form(Kind.WORDS, text, text)


def _parse(text: str) -> Form:
    """Parse tidy `text`: first as words, then as a number, then by its commas, relation signs and brackets."""
    bare = unwrap_text(text)
    if words := parse_words(bare, wrapped=bare != text):
        return words
    text, percent = strip_units(bare)
    if value := parse_number(text):
        return replace(value, percent=percent)
    line = compact(text)
    pieces = _split(text, ",", ";")
    if len(pieces) > 1:
        return _list_form([_parse(piece.strip()) for piece in pieces if piece.strip()], line)
    for parse in (
        _parse_inequality,
        _parse_named,
        _parse_union,
        _parse_bracketed,
        _parse_plus_minus,
        parse_based_number,
    ):
        if parsed := parse(line):
            return parsed
    return Form(Kind.FORMULA, line, line)


def _list_form(parts: list[Form], line: str) -> Form:
    r"""Return the form of a list. Names that differ become part of the key: x=1, y=2 is not x=2, y=1."""
    parts = [inner for part in parts for inner in (part.parts if part.kind is Kind.LIST else (part,))]
    if len(parts) == 1:
        return parts[0]
    names = {part.name for part in parts}
    name = names.pop() if len(names) == 1 else None
    if name and name[0] != "(" and all(part.kind in (Kind.TUPLE, Kind.UNION) for part in parts):  # x<2 or x>3
        return _union_form(parts, line, name)
    ordered = any(part.kind is Kind.WORDS or (len(part.key) == 1 and part.key.isalpha()) for part in parts)
    keys = [f"{part.name}={part.key}" if part.name != name else part.key for part in parts]
    key = ",".join(keys if ordered else sorted(keys))
    return Form(Kind.LIST, key, line, parts=tuple(parts), ordered=ordered, name=name)


def _parse_inequality(line: str) -> Form | None:
    r"""Parse x>5 as (5,\infty) and -2\leq x<7 as [-2,7); other comparisons are formulas."""
    first, *rest = _ORDER.split(line)
    signs, values = rest[0::2], [first, *rest[1::2]]
    if not signs:
        return None
    if len({sign in ("<", "\\leq") for sign in signs}) == 1 and signs[0] in (">", "\\geq"):
        signs, values = [{">": "<", "\\geq": "\\leq"}[sign] for sign in reversed(signs)], values[::-1]
    if len(values) == 2 and _VARIABLE.fullmatch(values[0].strip()):
        signs, values = ["<", *signs], ["-\\infty", *values]
    elif len(values) == 2:
        signs, values = [*signs, "<"], [*values, "\\infty"]
    if len(values) != 3 or not set(signs) <= {"<", "\\leq"} or not _VARIABLE.fullmatch(values[1].strip()):
        return Form(Kind.FORMULA, line, line)
    brackets = ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]")
    return replace(_tuple_form([_parse(values[0]), _parse(values[2])], brackets, line), name=values[1].strip())


def _parse_named(line: str) -> Form | None:
    r"""Split x=5, f(x)=x+1, x=2+3=5 and x\in[0,1] into name and value; the key is that of the value."""
    left, approx, right = line.partition("\\approx")
    if approx:
        return _parse(f"{left}={right}" if _NAME.fullmatch(left + "=") else left or right)
    found = _NAME.match(line)
    value = _split(line[found.end() :], "=")[-1] if found else ""
    if not found or not value:
        return None
    name = found[1]
    if name.endswith(")") and not name.startswith("("):
        name = "y"  # the graph of f(x)=... is y=...
    return replace(_parse(value), name=name, source=line)


def _parse_union(line: str) -> Form | None:
    pieces = _split(line, "\\cup")
    return _union_form([_parse(piece) for piece in pieces], line, None) if len(pieces) > 1 else None


def _union_form(parts: list[Form], line: str, name: str | None) -> Form:
    parts = [inner for part in parts for inner in (part.parts if part.kind is Kind.UNION else (part,))]
    key = "\\cup".join(sorted(part.key for part in parts))
    return Form(Kind.UNION, key, line, parts=tuple(parts), ordered=False, name=name)


def _parse_bracketed(line: str) -> Form | None:
    if matrix := _MATRIX.fullmatch(line):
        rows = [_split(row, "&") for row in _split(matrix[1], "\\\\") if row]
        cells = [_parse(cell) for row in rows for cell in row]
        shape = "x".join(str(len(row)) for row in rows)
        key = f"{shape}:" + ",".join(cell.key for cell in cells)
        return Form(Kind.MATRIX, key, line, parts=tuple(cells), shape=shape)
    tokens = _TOKENS.findall(line)
    if len(tokens) < 3 or tokens[0] not in _OPENING or not _closes_at_the_end(tokens):
        return None
    opening, inner, closing = tokens[0], "".join(tokens[1:-1]), tokens[-1]
    pieces = _split(inner, ",", ";")
    if opening in ("\\{", "{") or (len(pieces) == 1 and opening == "("):
        return _list_form([_parse(piece) for piece in pieces], line)
    return _tuple_form([_parse(piece) for piece in pieces], opening + closing, line) if len(pieces) > 1 else None


def _tuple_form(parts: list[Form], brackets: str, line: str) -> Form:
    key = brackets[0] + ",".join(part.key for part in parts) + brackets[-1]
    return Form(Kind.TUPLE, key, line, parts=tuple(parts), shape=brackets)


def _parse_plus_minus(line: str) -> Form | None:
    if line.count("\\pm") != 1:
        return None
    return _list_form([_parse(compact(line.replace("\\pm", sign))) for sign in "+-"], line)


def _split(text: str, *separators: str) -> list[str]:
    """Split at separators outside all brackets; the two brackets of a half-open interval may differ."""
    if not any(separator in text for separator in separators):
        return [text]
    pieces, depth = [""], 0
    for token in _TOKENS.findall(text):
        depth += _depth(token)
        if depth == 0 and token in separators:
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces


def _closes_at_the_end(tokens: list[str]) -> bool:
    depth = 0
    for position, token in enumerate(tokens):
        depth += _depth(token)
        if depth == 0:
            return position == len(tokens) - 1
    return False


def _depth(token: str) -> int:
    return (token in _OPENING or token.startswith("\\begin")) - (token in _CLOSING or token.startswith("\\end"))
