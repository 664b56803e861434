"""Comparison of formulas by their values: exactly for rational numbers, otherwise to fifty digits at several points.

Formulas with equal values at points chosen without regard to them are equal, for all practical purposes; functions of
real variables are compared where both are real.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ttc.grading.evaluate import CONTEXT, Evaluator, TooLargeError, Value, exact_value
from ttc.grading.formula import Node, UnreadableFormulaError, names_in, parse_formula

_POINTS = ((0.83, 0), (3.7, 0), (-1.9, 0), (0.61, 1), (7.3, 2), (0.31, 0), (2.3, 4))
"""The scale of the variables, and the bits of a name's hash that make its variable negative."""

_MIN_POINTS = 2
_MIN_RATIOS = 3
_MAX_ERROR = 1e-20  # a value with a larger error says nothing

Equation = tuple[str, str]
"""The two sides of an equation or inequality, as formulas."""


def same_value(first: str, second: str) -> bool | None:
    """Return whether two formulas are equal; None if either cannot be read. What has no value equals nothing."""
    try:
        a, b = parse_formula(first), parse_formula(second)
        names = names_in(a) | names_in(b)
        if not names:
            exact, other = exact_value(a), exact_value(b)
            if exact is not None and other is not None:
                return exact == other
        return _same_everywhere(_values(a, b), 1 if not names else _MIN_POINTS)
    except (UnreadableFormulaError, RecursionError):
        return None
    except (ArithmeticError, ValueError):
        return False


def same_equation(first: Equation, second: Equation) -> bool | None:
    """Return whether two equations are multiples of each other, such as 2x=4 and x-2=0.

    Equations without variables, such as 2+3=5, are compared side by side. None if a side cannot be read.
    """
    return _same_relation(first, second, lambda ratio: True)


def same_inequality(first: Equation, second: Equation) -> bool | None:
    """Return whether left<right says the same in both: their differences have a positive ratio."""
    return _same_relation(first, second, lambda ratio: bool(ratio.real > 0))


def rounds_to(formula: str, value: Fraction, places: int) -> bool:
    """Return whether `value`, written with `places` decimals, is a formula without variables, rounded."""
    try:
        tree = parse_formula(formula)
        exact = Evaluator({}).value(tree).number if not names_in(tree) else None
    except (UnreadableFormulaError, ArithmeticError, ValueError, RecursionError):
        return False
    written = CONTEXT.mpf(value.numerator) / value.denominator
    return exact is not None and bool(abs(exact - written) <= CONTEXT.mpf(10) ** -places * CONTEXT.mpf("0.500001"))


def _same_relation(first: Equation, second: Equation, allowed: Callable[[Any], bool]) -> bool | None:
    try:
        sides = [parse_formula(side) for side in (*first, *second)]
    except UnreadableFormulaError:
        return None
    closed = [not names_in(left) and not names_in(right) for left, right in (sides[:2], sides[2:])]
    if all(closed):
        straight = (same_value(first[0], second[0]), same_value(first[1], second[1]))
        crossed = (same_value(first[0], second[1]), same_value(first[1], second[0]))
        return all(straight) or all(crossed)
    if any(closed):
        return False
    a, b = _difference(*sides[:2]), _difference(*sides[2:])
    try:
        return _constant_ratio(a, b, allowed) or _constant_ratio(a, b, allowed, of_numerators=True)
    except TooLargeError:
        return False
    except (UnreadableFormulaError, RecursionError):
        return None


def _same_everywhere(pairs: list[tuple[Value, Value]], required: int) -> bool:
    """Decide from values at several points. Values that are not real count only if no pair is real."""
    if len(pairs) < required:
        return False
    real = [pair for pair in pairs if pair[0].is_real and pair[1].is_real]
    decisive = real if len(real) >= required else pairs
    return all(a.equals(b) for a, b in decisive)


def _constant_ratio(a: Node, b: Node, allowed: Callable[[Any], bool], of_numerators: bool = False) -> bool:
    ratios = []
    pairs = _values(a, b, of_numerators)
    real = [pair for pair in pairs if pair[0].is_real and pair[1].is_real]
    for first, second in real if len(real) >= _MIN_RATIOS else pairs:
        if first.is_zero or second.is_zero:
            return False
        ratios.append(first / second)
    return len(ratios) >= _MIN_RATIOS and all(ratio.equals(ratios[0]) and allowed(ratio.number) for ratio in ratios)


def _values(a: Node, b: Node, of_numerators: bool = False) -> list[tuple[Value, Value]]:
    """Return the values of both trees, or of their numerators, at the points where both are defined."""
    imaginary = _contains_i(a) or _contains_i(b)
    names = names_in(a) | names_in(b)
    try:
        first, second = (_values_at_points(tree, imaginary, of_numerators) for tree in (a, b))
    except TooLargeError:
        if not names:
            raise
        return []
    points = len(_POINTS) if names else 1
    return [(x, y) for x, y in zip(first[:points], second[:points], strict=True) if x is not None and y is not None]


@lru_cache(maxsize=1 << 12)
def _values_at_points(tree: Node, imaginary: bool, of_numerator: bool) -> tuple[Value | None, ...]:
    """Return the value of a tree, or of its numerator, at each point; None where it has none.

    The results are cached: votes compare all answers with each other.

    Raises:
        TooLargeError: a tree without variables is too large everywhere.
    """
    names = names_in(tree)
    values: list[Value | None] = []
    for scale, negative_bits in _POINTS if names else _POINTS[:1]:
        point = {name: _coordinate(name, scale, negative_bits) for name in names}
        value: Value | None = None
        try:
            evaluator = Evaluator(point, real_roots=not imaginary)
            value = evaluator.fraction(tree)[0] if of_numerator else evaluator.value(tree)
        except TooLargeError:
            if not names:
                raise
        except (ArithmeticError, ValueError):
            pass
        sure = value is not None and value.error <= _MAX_ERROR * max(1, abs(value.number))
        values.append(value if sure else None)
    return tuple(values) if names else tuple(values) * len(_POINTS)


def _coordinate(name: str, scale: float, negative_bits: int) -> Any:
    """Return a variable's value; points must not be multiples of each other, or all homogeneous formulas look alike."""
    code = zlib.crc32(f"{name} {scale}".encode())
    size = CONTEXT.mpf(scale) * (CONTEXT.mpf(1) / 2 + CONTEXT.mpf(code) / (1 << 32))
    return -size if zlib.crc32(name.encode()) & negative_bits else size


def _contains_i(node: Node) -> bool:
    return node.operation == "i" or any(map(_contains_i, node.arguments))


def _difference(left: Node, right: Node) -> Node:
    return Node("+", (left, Node("-", (right,))))
