"""Algebra: linear equations in one unknown, expanded and solved term by term."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from ttc.pocket.pen import Pen, signed

Linear = tuple[int, int]
"""The coefficient of x and the constant."""


@dataclass(frozen=True)
class Term:
    """One term of the left side: its text, its correct expansion, and the function that expands it with a pen.

    `expand` returns the step, or None if there is nothing to expand, and the resulting linear form.
    """

    text: str
    value: Linear
    expand: Callable[[Pen], tuple[str | None, Linear]]


def format_linear(linear: Linear) -> str:
    """Format a linear form in the usual notation: `3x-6`, `-x`, `5`."""
    a, b = linear
    x = {1: "x", -1: "-x", 0: ""}.get(a, f"{a}x")
    return (x + (signed(b) if x else str(b))) if b or not x else x


def linear_term(rng: Random) -> Term:
    """Draw a term such as `3x+5`, which needs no expansion."""
    a, b = rng.randint(2, 9), rng.randint(1, 20)

    def expand(pen: Pen) -> tuple[None, Linear]:
        return None, (pen.read(a), pen.read(b))

    return Term(f"{a}x+{b}", (a, b), expand)


def multiplied_bracket(rng: Random) -> Term:
    """Pitfall: only the first term in the bracket is multiplied."""
    a, b = rng.randint(2, 6), rng.choice([n for n in range(-9, 10) if n])

    def expand(pen: Pen) -> tuple[str, Linear]:
        x = pen.read(a)
        constant = b if pen.slips(0.55) else pen.calc(x * b)
        return f"${x}(x{signed(b)})={x}x{signed(constant)}$", (x, constant)

    return Term(f"{a}(x{signed(b)})", (a, a * b), expand)


def subtracted_bracket(rng: Random) -> Term:
    """Pitfall: after a minus, the sign of the second term in the bracket is not flipped."""
    b = rng.choice([n for n in range(-15, 16) if n])

    def expand(pen: Pen) -> tuple[str, Linear]:
        constant = b if pen.slips(0.6) else -b
        return f"$-(x{signed(b)})=-x{signed(constant)}$", (-1, constant)

    return Term(f"-(x{signed(b)})", (-1, -b), expand)


@dataclass(frozen=True)
class Equation:
    """An equation with an integer solution: the sum of `terms` equals `right`."""

    terms: tuple[Term, ...]
    right: int

    @property
    def question(self) -> str:
        left = "".join(
            term.text if i == 0 or term.text.startswith("-") else f"+{term.text}" for i, term in enumerate(self.terms)
        )
        return f"Solve ${left}={self.right}$ for $x$."

    def write(self, pen: Pen) -> tuple[list[str], str]:
        """Return the steps, without newlines, and the final answer."""
        steps, expanded = [], []
        for term in self.terms:
            step, linear = term.expand(pen)
            if step is not None:
                steps.append(step)
            expanded.append(linear)
        a, b = expanded[0]
        for c, d in expanded[1:]:
            total = pen.calc(a + c), pen.calc(b + d)
            steps.append(
                f"${format_linear((a, b))}{'+' if c > 0 else ''}{format_linear((c, d))}={format_linear(total)}$"
            )
            a, b = total
        a = a or 1  # slips can cancel x; the solution then continues with a coefficient of 1
        right = pen.read(self.right) if self.right > 0 else self.right
        if b:
            moved = b if pen.slips(0.3) else -b
            result = pen.calc(right + moved)
            steps.append(f"${format_linear((a, 0))}={right}{signed(moved)}={result}$")
            right = result
        answer = format_fraction(Fraction(right, a))
        if a != 1:
            steps.append(f"$x={right} \\div {a if a > 0 else f'({a})'}={answer}$")
        return steps, answer


def format_fraction(value: Fraction) -> str:
    """Format an integer as it is, and any other value as a reduced LaTeX fraction with a leading sign."""
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def draw_equation(rng: Random, n_plain: int, n_pitfalls: int) -> Equation:
    """Draw an equation with the given numbers of plain terms and pitfalls, in random order; x never cancels."""
    while True:
        terms = [linear_term(rng) for _ in range(n_plain)]
        terms += [rng.choice(PITFALLS)(rng) for _ in range(n_pitfalls)]
        rng.shuffle(terms)
        a, b = (sum(column) for column in zip(*(term.value for term in terms), strict=True))
        x = rng.choice([n for n in range(-9, 13) if n])
        if a and abs(b) < 60 and abs(a * x + b) < 99:
            return Equation(tuple(terms), a * x + b)


PITFALLS = (multiplied_bracket, subtracted_bracket)
