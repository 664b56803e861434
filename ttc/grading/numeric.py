"""A formula's value in floating point, its variables set to fixed numbers: enough to see that two are not equal.

It only ever rejects, and stays silent wherever LaTeX is ambiguous: x(x+1), 1/2x, 2\\frac{1}{2}.
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
    """Say whether two formulas have clearly different values; False also when one has none that we can tell."""
    a, b = value(first), value(second)
    return a is not None and b is not None and abs(a - b) > _TOLERANCE * max(1.0, abs(a), abs(b))


@lru_cache(maxsize=1 << 14)
def value(formula: str) -> complex | None:
    """Return the value of a compact LaTeX formula, None when it is more than arithmetic, roots and powers."""
    try:
        reader = _Reader(_TOKENS.findall(formula))
        result = reader.sum()
        return result if not reader.rest and math.isfinite(abs(result)) else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


class _Reader:
    """Recursive descent over the tokens of one formula; ValueError where it is not sure."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]

    def sum(self) -> complex:
        total = self.product()
        while self.next() in ("+", "-"):
            total += self.product()
        return total

    def product(self) -> complex:
        sign = 1
        while self.next() in ("+", "-"):
            sign *= -1 if self.rest.pop() == "-" else 1
        result = sign * self.power()
        while token := self.next():
            if token == "\\cdot":
                self.rest.pop()
                result *= self.power()
            elif token == "/":
                self.rest.pop()
                result /= self.power()
                if self.next() not in ("", "+", "-", ")", "}"):
                    raise ValueError("1/2x")
            elif token in ("+", "-", ")", "}", "]"):
                break
            else:
                result *= self.power()
        return result

    def power(self) -> complex:
        first = self.next()
        base = self.atom()
        if self.next() == "^":
            self.rest.pop()
            if len(self.next()) > 1:
                raise ValueError("x^12")
            return complex(base ** self.atom())
        if _NUMBER.match(first) and (self.next() == "\\frac" or _NUMBER.match(self.next())):
            raise ValueError("2\\frac12")
        if first.isalpha() and self.next() == "(":
            raise ValueError("f(x)")
        return base

    def atom(self) -> complex:
        token = self.rest.pop() if self.rest else ""
        if _NUMBER.match(token):
            return float(token)
        if token in ("(", "{"):
            return self.closed(")" if token == "(" else "}")
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
        if self.next() != "{":
            raise ValueError("an argument without braces")
        self.rest.pop()
        return self.closed("}")

    def closed(self, closing: str) -> complex:
        result = self.sum()
        if not self.rest or self.rest.pop() != closing:
            raise ValueError("brackets")
        return result

    def next(self) -> str:
        return self.rest[-1] if self.rest else ""
