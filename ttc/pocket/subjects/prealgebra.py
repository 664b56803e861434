"""Prealgebra: one expression to evaluate, term by term."""

from __future__ import annotations

from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen


def product(rng: Random) -> Part:
    """A product of two digits."""
    a, b = rng.randint(2, 9), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x * y)
        return f"${x} \\times {y}={value}$", value

    return Part(f"{a} \\times {b}", work)


def plain_bracket(rng: Random) -> Part:
    """A difference in brackets."""
    a, b = rng.randint(11, 30), rng.randint(2, 10)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x - y)
        return f"$({x}-{y})={value}$", value

    return Part(f"({a}-{b})", work)


def minus_bracket(rng: Random) -> Part:
    """Pitfall: the second sign in a bracket behind a minus is not turned."""
    a, b = rng.randint(2, 12), rng.randint(2, 19)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        if pen.slips(0.6):
            value = pen.calc(-x - y)
            return f"$-({x}-{y})=-{x}-{y}={value}$", value
        value = pen.calc(-x + y)
        return f"$-({x}-{y})=-{x}+{y}={value}$", value

    return Part(f"-({a}-{b})", work, has_pitfall=True)


def precedence(rng: Random) -> Part:
    """Pitfall: the sum is taken before the product."""
    a, b, c = rng.randint(1, 6), rng.randint(2, 6), rng.randint(2, 7)

    def work(pen: Pen) -> tuple[str, int]:
        x, y, z = pen.read(a), pen.read(b), pen.read(c)
        if pen.slips(0.55):
            partial = pen.calc(x + y)
            value = pen.calc(partial * z)
            return f"$({x}+{y} \\times {z})={partial} \\times {z}={value}$", value
        partial = pen.calc(y * z)
        value = pen.calc(x + partial)
        return f"$({x}+{y} \\times {z})={x}+{partial}={value}$", value

    return Part(f"({a}+{b} \\times {c})", work, has_pitfall=True)


def negative_square(rng: Random) -> Part:
    """Pitfall: the square of a negative number keeps its sign."""
    a, b = rng.randint(2, 6), rng.randint(1, 20)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        square = pen.calc(-x * x if pen.slips(0.5) else x * x)
        value = pen.calc(square + y)
        return f"$((-{x})^2+{y})=({square}+{y})={value}$", value

    return Part(f"((-{a})^2+{b})", work, has_pitfall=True)


def left_to_right(rng: Random) -> Part:
    """Pitfall: in a quotient times a number the product is taken first."""
    b, c = rng.randint(2, 4), rng.randint(2, 4)
    a = b * c * rng.randint(1, 6)

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(a)
        if pen.slips(0.45):
            partial = pen.calc(b * c)
            value = pen.calc(x // partial)
            return f"${x} \\div {b} \\times {c}={x} \\div {partial}={value}$", value
        partial = pen.calc(x // b)
        value = pen.calc(partial * c)
        return f"${x} \\div {b} \\times {c}={partial} \\times {c}={value}$", value

    return Part(f"{a} \\div {b} \\times {c}", work, has_pitfall=True)


PLAIN = (product, plain_bracket)
PITFALLS = (minus_bracket, precedence, negative_square, left_to_right)
