r"""Sets of real numbers: inequalities and set-builder notation as intervals, x\neq5 and R\setminus\{5\} as unions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from ttc.grading.brackets import split
from ttc.grading.form import Form, Kind, formula_form, tuple_form, union_form

Parse = Callable[[str], Form]

_VARIABLE = re.compile(r"[A-Za-z](?:_\w)?(?:\([a-z]\))?|\\(?:alpha|beta|gamma|theta|lambda|mu|phi|omega|[xyz])")
_BUILDER = re.compile(r"\\?\{([A-Za-z])(?:\\in ?(?:\\mathbb\{R\}|R))?(?:\||:|\\mid)(.*?)\\?\}")
_ORDER = re.compile(r"(<|>|\\(?:leq|geq)(?![a-z]))")
_ABSOLUTE = re.compile(r"\|([a-z])\|(<|>|\\leq|\\geq) ?([^|<>=\\]+)")
_EXCEPT = re.compile(r"(?:\\mathbb\{R\}|\(-\\infty,\\infty\)) ?(?:\\setminus|-|\\) ?\\\{(.*)\\\}")
_NOT_EQUAL = re.compile(r"([A-Za-z])\\neq ?(.+)")
_MIRRORED = {">": "<", "\\geq": "\\leq"}
_INFINITIES = (formula_form("-\\infty"), formula_form("\\infty"))


def parse_set(line: str, parse: Parse) -> Form | None:
    r"""Parse \{x|x>2\} as its condition, x\neq5 and R\setminus\{5\} as a union of intervals."""
    if builder := _BUILDER.fullmatch(line):
        conditions = [parse(piece) for piece in split(builder[2], ",")]
        condition = intersect(conditions) if len(conditions) > 1 else conditions[0]
        is_set = condition is not None and condition.kind in (Kind.TUPLE, Kind.UNION)
        return condition if condition and is_set and condition.name == builder[1] else None
    if removed := _EXCEPT.fullmatch(line):
        return _without([parse(point) for point in split(removed[1], ",")])
    if unequal := _NOT_EQUAL.fullmatch(line):
        points = [parse(point) for point in split(unequal[2], ",")]
        return _without(points, unequal[1]) if "=" not in unequal[2] else None
    return None


def parse_inequality(line: str, parse: Parse) -> Form | None:
    r"""Parse x>5 as (5,\infty), -2\leq x<7 as [-2,7) and |x|<3 as (-3,3); other comparisons are formulas."""
    if absolute := _ABSOLUTE.fullmatch(line):
        name, sign, bound = absolute.groups()
        negative = f"-{bound}" if bound.isalnum() else f"-({bound})"
        if sign in ("<", "\\leq"):
            return parse_inequality(f"{negative}{sign} {name}{sign} {bound}", parse)
        below = _interval("-\\infty", negative, "<", sign, parse)
        return union_form([below, _interval(bound, "\\infty", sign, "<", parse)], name)
    first, *rest = _ORDER.split(line)
    signs, values = rest[0::2], [part.strip() for part in (first, *rest[1::2])]
    if not signs:
        return None
    original = values
    if all(sign in _MIRRORED for sign in signs):
        signs, values = [_MIRRORED[sign] for sign in reversed(signs)], values[::-1]
    if not all(sign in ("<", "\\leq") for sign in signs):
        return formula_form(line)
    if len(values) == 2:
        variable = next((value for value in original if _VARIABLE.fullmatch(value) and value != "e"), None)
        if variable is None:
            return formula_form(line)
        if values[1] == variable:
            signs, values = [*signs, "<"], [*values, "\\infty"]
        else:
            signs, values = ["<", *signs], ["-\\infty", *values]
    if len(values) != 3 or not _VARIABLE.fullmatch(values[1]):
        return formula_form(line)
    return replace(_interval(values[0], values[2], signs[0], signs[1], parse), name=values[1])


def _interval(low: str, high: str, below: str, above: str, parse: Parse) -> Form:
    brackets = ("(" if below in "<>" else "[") + (")" if above in "<>" else "]")
    return tuple_form([parse(low), parse(high)], brackets)


def intersect(parts: list[Form]) -> Form | None:
    r"""Return what all conditions on one variable allow: x\leq3, x\neq2 and x\neq0,1; None for other lists."""
    named = [part for part in parts if part.name]
    exceptions = [part for part in named if part.kind is Kind.UNION and _removed(part) is not None]
    intervals = [part for part in named if part.kind is Kind.TUPLE and len(part.parts) == 2]
    more_points = (
        parts[1:] if exceptions and all(part.value is not None and not part.name for part in parts[1:]) else []
    )
    if not exceptions or len(intervals) > 1 or len({part.name for part in named}) > 1:
        return None
    if len(parts) != len(exceptions) + len(intervals) + len(more_points):
        return None
    points = [point for part in exceptions for point in _removed(part) or []] + more_points
    return _cut(intervals[0], points) if intervals else _without(points, named[0].name)


def _removed(union: Form) -> list[Form] | None:
    """Return the points that a union of intervals leaves out of the real line, or None if it leaves out more."""
    parts = union.parts
    if any(part.kind is not Kind.TUPLE or len(part.parts) != 2 for part in parts):
        return None
    ordered = sorted(parts, key=lambda part: (part.parts[0] != _INFINITIES[0], part.parts[0].value or 0))
    ends = [part.parts[1] for part in ordered[:-1]]
    starts = [part.parts[0] for part in ordered[1:]]
    whole = ordered[0].parts[0] == _INFINITIES[0] and ordered[-1].parts[1] == _INFINITIES[1]
    return ends if whole and ends == starts and all(part.shape == "()" for part in parts) else None


def _without(points: list[Form], name: str | None = None) -> Form | None:
    return _cut(replace(tuple_form(list(_INFINITIES), "()"), name=name), points)


def _cut(interval: Form, points: list[Form]) -> Form | None:
    """Return an interval without some points; None unless their order is known."""
    if len(points) > 1 and any(point.value is None for point in points):
        return None
    low, high = interval.parts
    if (low.value is None and low != _INFINITIES[0]) or (high.value is None and high != _INFINITIES[1]):
        return None
    inside = []
    for point in sorted(points, key=lambda point: point.value or 0):
        below = low.value is not None and point.value is not None and point.value <= low.value
        above = high.value is not None and point.value is not None and point.value >= high.value
        if below or above:
            return None
        inside.append(replace(point, name=None))
    bounds = [low, *inside, high]
    pieces = []
    for index, (left, right) in enumerate(pairwise(bounds)):
        opening = interval.shape[0] if index == 0 else "("
        closing = interval.shape[1] if index == len(bounds) - 2 else ")"
        pieces.append(tuple_form([left, right], opening + closing))
    return union_form(pieces, interval.name) if len(pieces) > 1 else interval
