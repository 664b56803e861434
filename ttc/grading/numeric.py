"""Numeric evaluation of formulas with fixed values for the variables, to reject pairs that are clearly different.

It never accepts a pair, and does not evaluate ambiguous LaTeX: x(x+1), 1/2x, 2\\frac{1}{2}.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

_TOKENS = re.compile(r"\d+\.?\d*|\.\d+|\\[a-z]+|[A-Za-z]|\S")
_NUMBER = re.compile(r"\d|\.\d")
_VARIABLE = re.compile(r"[a-z]|\\(?:alpha|beta|gamma|theta|lambda|mu|phi|omega)", re.IGNORECASE)
_TOLERANCE = 1e-6


def surely_different(first: str, second: str) -> bool:
    """Return whether two formulas have clearly different values; False if either cannot be evaluated."""
    a, b = numeric_value(first), numeric_value(second)
    return a is not None and b is not None and abs(a - b) > _TOLERANCE * max(1.0, abs(a), abs(b))


@lru_cache(maxsize=1 << 14)
def numeric_value(formula: str) -> complex | None:
    """Return the value of a compact LaTeX formula; None if it contains more than arithmetic, roots and powers."""
    try:
        evaluator = _Evaluator(_TOKENS.findall(formula))
        result = evaluator.sum()
        return result if not evaluator.rest and math.isfinite(abs(result)) else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


class _Evaluator:
    """Recursive-descent evaluator of one formula's tokens; raises ValueError if the formula is ambiguous."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]  # the last element is the next token

    def sum(self) -> complex:
        total = self.product()
        while self.peek() in ("+", "-"):
            total += self.product()
        return total

    def product(self) -> complex:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.rest.pop() == "-" else 1
        result = sign * self.power()
        while token := self.peek():
            if token == "\\cdot":
                self.rest.pop()
                result *= self.power()
            elif token == "/":
                self.rest.pop()
                result /= self.power()
                if self.peek() not in ("", "+", "-", ")", "}"):
                    raise ValueError("1/2x")
            elif token in ("+", "-", ")", "}", "]"):
                break
            else:
                result *= self.power()
        return result

    def power(self) -> complex:
        first = self.peek()
        base = self.atom()
        if self.peek() == "^":
            self.rest.pop()
            if len(self.peek()) > 1:
                raise ValueError("x^12")
            return complex(base ** self.atom())
        if _NUMBER.match(first) and (self.peek() == "\\frac" or _NUMBER.match(self.peek())):
            raise ValueError("2\\frac12")
        if first.isalpha() and self.peek() == "(":
            raise ValueError("f(x)")
        return base

    def atom(self) -> complex:
        token = self.rest.pop() if self.rest else ""
        if _NUMBER.match(token):
            return float(token)
        if token in ("(", "{"):
            return self.bracketed(")" if token == "(" else "}")
        if token == "\\frac":
            return self.group() / self.group()
        if token == "\\sqrt":
            return complex(self.group()) ** 0.5
        if token == "\\pi":
            return math.pi
        if token == "i":
            return 1j
        if _VARIABLE.fullmatch(token):
            return 0.6 + (sum(map(ord, token.lower())) * 0.3819660113) % 1
        raise ValueError(token)

    def group(self) -> complex:
        if self.peek() != "{":
            raise ValueError("argument without braces")
        self.rest.pop()
        return self.bracketed("}")

    def bracketed(self, closing: str) -> complex:
        result = self.sum()
        if not self.rest or self.rest.pop() != closing:
            raise ValueError("unbalanced brackets")
        return result

    def peek(self) -> str:
        return self.rest[-1] if self.rest else ""
