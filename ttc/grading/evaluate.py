"""Values of expression trees: exact rational numbers, or sixty digits with a bound of the rounding error."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from mpmath import mp

from ttc.grading.formula import Node, UnreadableFormulaError

CONTEXT = mp.clone()
CONTEXT.dps = 60
_mpf, _mpc = CONTEXT.mpf, CONTEXT.mpc
_EPSILON = _mpf(10) ** -57
_MAX_LOG = 10**7  # of the size of a value
_MAX_FACTORIAL = 10**5
_MAX_EXACT_BITS = 50_000
_FUNCTION_ERROR = _mpf(10) ** 2  # how much a function may increase an error
_ARGUMENT_LIMIT = 10**9  # of periodic functions, which lose the digits of large arguments

_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": CONTEXT.sin, "cos": CONTEXT.cos, "tan": CONTEXT.tan, "cot": CONTEXT.cot, "sec": CONTEXT.sec,
    "csc": CONTEXT.csc, "arcsin": CONTEXT.asin, "arccos": CONTEXT.acos, "arctan": CONTEXT.atan, "sinh": CONTEXT.sinh,
    "cosh": CONTEXT.cosh, "tanh": CONTEXT.tanh, "exp": CONTEXT.exp, "ln": CONTEXT.ln, "log": CONTEXT.log10,
    "lg": CONTEXT.log10, "|": abs, "\\lfloor": CONTEXT.floor, "\\lceil": CONTEXT.ceil,
}  # fmt: skip


class TooLargeError(ArithmeticError):
    """A value is too large to be computed."""


@dataclass(frozen=True, slots=True)
class Value:
    """A complex number of mpmath and a bound of its error."""

    number: Any
    error: Any

    @property
    def is_real(self) -> bool:
        return bool(abs(self.number.imag) <= self.error)

    @property
    def is_zero(self) -> bool:
        return bool(abs(self.number) <= self.error)

    def equals(self, other: Value) -> bool:
        return bool(abs(self.number - other.number) <= self.error + other.error)

    def __truediv__(self, other: Value) -> Value:
        if other.is_zero:
            raise ZeroDivisionError
        quotient = self.number / other.number
        size = abs(other.number) - other.error
        return Value(quotient, (self.error + abs(quotient) * other.error) / size + _EPSILON * abs(quotient))

    def __mul__(self, other: Value) -> Value:
        product, a, b = self.number * other.number, abs(self.number), abs(other.number)
        error = a * other.error + b * self.error + self.error * other.error
        return Value(product, error + _EPSILON * abs(product))

    def __add__(self, other: Value) -> Value:
        size = max(abs(self.number), abs(other.number))
        return Value(self.number + other.number, self.error + other.error + _EPSILON * size)

    def __neg__(self) -> Value:
        return Value(-self.number, self.error)


_ONE = Value(_mpc(1), _mpf(0))


def exact_value(node: Node) -> Fraction | None:
    """Return the value of rational arithmetic; None if the tree contains anything else.

    Raises:
        TooLargeError: the value has too many digits.
        ZeroDivisionError: the tree divides by zero.
    """
    if node.operation == "number":
        return node.number
    if node.operation not in ("+", "*", "/", "-", "^", "!") or not node.arguments:
        return None
    values = [exact_value(argument) for argument in node.arguments]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if node.operation == "^":
        return _exact_power(*known)
    if node.operation == "!":
        return _exact_factorial(known[0])
    if sum(value.numerator.bit_length() + value.denominator.bit_length() for value in known) > _MAX_EXACT_BITS:
        raise TooLargeError
    if node.operation == "-":
        return -known[0]
    return reduce({"+": operator.add, "*": operator.mul, "/": operator.truediv}[node.operation], known)


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * size > _MAX_EXACT_BITS:
        raise TooLargeError
    return Fraction(base ** int(exponent))


def _exact_factorial(number: Fraction) -> Fraction | None:
    if number.denominator != 1 or number < 0:
        return None
    if number > 2000:
        raise TooLargeError
    return Fraction(reduce(operator.mul, range(1, int(number) + 1), 1))


class Evaluator:
    """Evaluator of trees at one point. With `real_roots`, (-8)^{1/3} is -2, otherwise the principal value."""

    def __init__(self, point: Mapping[str, Any], real_roots: bool = True) -> None:
        self._point = point
        self._real_roots = real_roots

    def value(self, node: Node) -> Value:
        """Return the value of a tree.

        Raises:
            ArithmeticError: the value is undefined, or too large (TooLargeError).
            UnreadableFormulaError: the tree contains an unknown function.
        """
        operation = node.operation
        if operation == "number":
            return _value(_mpf(node.number.numerator) / node.number.denominator)
        if operation == "name":
            return _value(self._point[node.name])
        if not node.arguments:
            return _value({"pi": CONTEXT.pi, "e": CONTEXT.e, "i": _mpc(0, 1)}[operation])
        first, *rest = [self.value(argument) for argument in node.arguments]
        if operation in ("+", "*", "/"):
            return reduce({"+": operator.add, "*": operator.mul, "/": operator.truediv}[operation], rest, first)
        if operation == "-":
            return -first
        if operation in ("^", "root"):
            return self._power(first, rest[0]) if operation == "^" else self._power(rest[0], _value(_mpf(1)) / first)
        return self._function(node, first, rest)

    def fraction(self, node: Node) -> tuple[Value, Value]:
        """Return the values of a tree's numerator and denominator, with sums on a common denominator.

        The cost is linear; the same numerator as a tree grows exponentially with the depth of nested fractions.

        Raises:
            ArithmeticError: a part other than a sum, product or quotient has no value.
            UnreadableFormulaError: the tree contains an unknown function.
        """
        if node.operation not in ("+", "-", "*", "/"):
            return self.value(node), _ONE
        (top, bottom), *rest = [self.fraction(argument) for argument in node.arguments]
        if node.operation == "-":
            return -top, bottom
        for other_top, other_bottom in rest:
            if node.operation == "+":
                top, bottom = top * other_bottom + other_top * bottom, bottom * other_bottom
            elif node.operation == "*":
                top, bottom = top * other_top, bottom * other_bottom
            else:
                top, bottom = top * other_bottom, bottom * other_top
        return top, bottom

    def _power(self, base: Value, exponent: Value) -> Value:
        if base.is_zero:
            if not exponent.is_real or exponent.number.real <= 0:
                raise ZeroDivisionError
            return Value(_mpc(0), base.error)
        logarithm = CONTEXT.log(base.number)
        size = abs(exponent.number * logarithm)
        if size > _MAX_LOG:
            raise TooLargeError
        number = self._real_root(base, exponent)
        if number is None:
            number = base.number**exponent.number
        relative = abs(exponent.number) * base.error / abs(base.number) + abs(logarithm) * exponent.error
        return Value(_mpc(number), abs(number) * (relative + _EPSILON * (1 + size)))

    def _real_root(self, base: Value, exponent: Value) -> Any | None:
        """Return the real power of a negative base, if the exponent is a fraction with a small odd denominator."""
        if not (self._real_roots and base.is_real and base.number.real < 0 and exponent.is_real):
            return None
        for denominator in (3, 5, 7, 9):
            top = exponent.number.real * denominator
            nearest = CONTEXT.nint(top)
            if abs(top - nearest) < _mpf(10) ** -50:
                size = abs(base.number) ** exponent.number.real
                return -size if int(nearest) % 2 else size
        return None

    def _function(self, node: Node, first: Value, rest: list[Value]) -> Value:
        operation, number = node.operation, first.number
        if operation == "degrees":
            return first * _value(CONTEXT.pi / 180)
        if operation == "apply":  # some function that differs for each name
            shift = self._point.get(node.name, _mpf(len(node.name) + ord(node.name[0])) / 7)
            return _rough(CONTEXT.sin(3 * number + shift) + number / (shift + 11), first)
        if operation in ("!", "binom"):
            return _combinatorial([first, *rest])
        if operation == "log" and rest:
            return _rough(CONTEXT.ln(number), first) / _rough(CONTEXT.ln(rest[0].number), rest[0])
        if operation not in _FUNCTIONS:
            raise UnreadableFormulaError(operation)
        if abs(number) > _ARGUMENT_LIMIT:
            raise TooLargeError
        if operation in ("\\lfloor", "\\lceil"):
            if self._point:  # a step function has the same value at too many points: any injective one will do
                shift = _mpf(3 if operation == "\\lfloor" else 4) / 7
                return _rough(number + CONTEXT.sin(3 * number + shift), first)
            if not first.is_real:
                raise ZeroDivisionError
            number = CONTEXT.nint(number.real) if _is_integer(first) else number.real
        return _rough(_FUNCTIONS[operation](number), first)


def _combinatorial(arguments: list[Value]) -> Value:
    if any(abs(argument.number) > _MAX_FACTORIAL for argument in arguments):
        raise TooLargeError
    numbers = [argument.number.real if argument.is_real else argument.number for argument in arguments]
    return _rough(CONTEXT.factorial(*numbers) if len(numbers) == 1 else CONTEXT.binomial(*numbers), *arguments)


def _is_integer(value: Value) -> bool:
    return bool(abs(value.number.real - CONTEXT.nint(value.number.real)) <= value.error)


def _value(number: Any) -> Value:
    number = _mpc(number)
    return Value(number, _EPSILON * abs(number))


def _rough(number: Any, *arguments: Value) -> Value:
    """Return the value of a function with a generous bound of its error."""
    number = _mpc(number)
    if not CONTEXT.isfinite(number):
        raise ZeroDivisionError
    error = max([_EPSILON, *(argument.error for argument in arguments)]) * _FUNCTION_ERROR
    return Value(number, error * max(1, abs(number)))
