"""Comparison of formulas with and without relation signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ttc.grading.brackets import split
from ttc.grading.numeric import same_equation, same_inequality, same_value
from ttc.grading.symbolic import comparable

Comparator = Callable[[str, str], bool | None]

_SIGNS = ("=", "<", ">", "\\leq", "\\geq", "\\neq")
_SIGN = re.compile(r"(=|<|>|\\(?:leq|geq|neq)(?![a-z]))")
_MIRRORED = {">": "<", "\\geq": "\\leq"}
_OTHER_RELATION = re.compile(r"\\(?:in|approx|equiv|sim|mid|parallel|perp|subset|Rightarrow|implies|iff|cong)(?![a-z])")
_FUNCTION_CALL = re.compile(r"[PE]r?\([^()]*\)|[A-Za-z]\(-?\w+\)|_\{?\w+\}?")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+")
_ARGUMENT = re.compile(r"\([A-Za-z]\)$")


def is_relation(line: str) -> bool:
    """Whether a formula contains a relation sign outside brackets."""
    return bool(_SIGN.search(line)) and len(split(line, *_SIGNS)) > 1


def same_formula(answer: str, gold: str, compare: Comparator) -> bool | None:
    """Compare two formulas, or two relations; `compare` decides what cannot be read here."""
    if _OTHER_RELATION.search(answer) or _OTHER_RELATION.search(gold):
        return False
    if not is_relation(answer) and not is_relation(gold):
        return _same_side(answer, gold, compare)
    first, second = _sorted_sides(answer), _sorted_sides(gold)
    if first is None or second is None or first[0] != second[0]:
        return False
    (sign, a), (_, b) = first, second
    if len(a) != len(b):
        return False
    if len(a) > 2:
        return _all([_same_side(left, right, compare) for left, right in zip(a, b, strict=True)])
    decide = same_equation if sign in ("=", "\\neq") else same_inequality
    verdict = decide((a[0], a[1]), (b[0], b[1]))
    if verdict is None:
        verdict = _all([_same_side(left, right, compare) for left, right in zip(a, b, strict=True)])
        if not verdict and sign == "=":
            crossed = _all([_same_side(left, right, compare) for left, right in zip(a, b[::-1], strict=True)])
            verdict = True if crossed else None if None in (verdict, crossed) else False
    return verdict


def same_names(first: str, second: str) -> bool:
    """Whether two equations define the same: x and x, v and v(t), y and f(x)."""
    if first == second:
        return True
    bare = _ARGUMENT.sub("", first), _ARGUMENT.sub("", second)
    if bare[0] == bare[1]:
        return True
    return set(bare) == {"y", "f"} and "f" not in (first, second)


def is_value_statement(left: str) -> bool:
    """Whether an equation with this left side states a value: 2+3=5, a+b=5 and P(3)=5 do, x^2=5 and 2x+3y=5 do not."""
    bare = _ENVIRONMENT.sub("", _FUNCTION_CALL.sub("", left))
    return not (re.search(r"[A-Za-z]", bare) and re.search(r"[\d^]", bare))


def has_variables(left: str) -> bool:
    """Whether a formula contains letters outside its commands."""
    return bool(re.search(r"[A-Za-z]", _ENVIRONMENT.sub("", left)))


def _same_side(answer: str, gold: str, compare: Comparator) -> bool | None:
    if answer == gold:
        return True
    if answer.lstrip("-") == "\\infty" or gold.lstrip("-") == "\\infty":
        return False
    verdict = same_value(answer, gold)
    if verdict is None:
        return comparable(answer, gold) and compare(answer, gold)
    return verdict


def _sorted_sides(line: str) -> tuple[str, list[str]] | None:
    r"""Return the sign and the sides of a relation, with > and \geq turned around; None if signs are mixed."""
    signs = set(_SIGN.findall(line))
    sides = split(line, *_SIGNS)
    if len(signs) != 1 or not all(sides):
        return None
    sign = signs.pop()
    return (_MIRRORED[sign], sides[::-1]) if sign in _MIRRORED else (sign, sides)


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    return False if False in verdicts else None if None in verdicts else True
