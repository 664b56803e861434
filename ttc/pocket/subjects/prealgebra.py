"""Prealgebra: terms of one expression that is evaluated term by term."""

from __future__ import annotations

from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen


def product(rng: Random) -> Part:
    """A product of two one-digit numbers."""
    a, b = rng.randint(2, 9), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x * y)
        return f"${x} \\times {y}={value}$", value

    return Part(f"{a} \\times {b}", work)


def difference(rng: Random) -> Part:
    """A difference in brackets."""
    a, b = rng.randint(11, 30), rng.randint(2, 10)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x - y)
        return f"$({x}-{y})={value}$", value

    return Part(f"({a}-{b})", work)


def negated_bracket(rng: Random) -> Part:
    """Pitfall: after a minus, the sign of the second term in the bracket is not flipped."""
    a, b = rng.randint(2, 12), rng.randint(2, 19)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        if pen.slips(0.6):
            value = pen.calc(-x - y)
            return f"$-({x}-{y})=-{x}-{y}={value}$", value
        value = pen.calc(-x + y)
        return f"$-({x}-{y})=-{x}+{y}={value}$", value

    return Part(f"-({a}-{b})", work)


def precedence(rng: Random) -> Part:
    """Pitfall: the sum is evaluated before the product."""
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

    return Part(f"({a}+{b} \\times {c})", work)


def negative_square(rng: Random) -> Part:
    """Pitfall: the square of a negative number is taken as negative."""
    a, b = rng.randint(2, 6), rng.randint(1, 20)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        square = pen.calc(-x * x if pen.slips(0.5) else x * x)
        value = pen.calc(square + y)
        return f"$((-{x})^2+{y})=({square}+{y})={value}$", value

    return Part(f"((-{a})^2+{b})", work)


def division_then_product(rng: Random) -> Part:
    """Pitfall: in a division followed by a multiplication, the multiplication is evaluated first."""
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

    return Part(f"{a} \\div {b} \\times {c}", work)


PLAIN = (product, difference)
PITFALLS = (negated_bracket, precedence, negative_square, division_then_product)
