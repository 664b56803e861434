"""Intermediate algebra: functions, sequences, roots of quadratics and floors."""

from __future__ import annotations

from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen, signed


def linear_value(rng: Random) -> Part:
    """The value of a linear function at a point."""
    a, b, x = rng.randint(2, 9), rng.randint(1, 15), rng.randint(2, 7)

    def work(pen: Pen) -> tuple[str, int]:
        p, q, y = pen.read(a), pen.read(b), pen.read(x)
        product = pen.calc(p * y)
        value = pen.calc(product + q)
        return f"${p} \\times {y}+{q}={product}+{q}={value}$", value

    return Part(f"$f({x})$ for $f(x)={a}x+{b}$", work)


def root_product(rng: Random) -> Part:
    """The constant of a quadratic, which is the product of its roots (Vieta)."""
    p, q = rng.randint(2, 9), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        value = pen.read(p * q)
        return f"$rs={value}$", value

    return Part(f"the product of the roots of $x^2-{p + q}x+{p * q}$", work)


def negative_argument(rng: Random) -> Part:
    """Pitfall: the product of two negative factors is taken as negative."""
    a, x = rng.randint(2, 9), rng.randint(2, 6)

    def work(pen: Pen) -> tuple[str, int]:
        b, y = pen.read(a), pen.read(x)
        square, product = pen.calc(y * y), pen.calc(b * y)
        term = -product if pen.slips(0.6) else product
        value = pen.calc(square + term)
        return f"$(-{y})^2-{b}(-{y})={square}{signed(term)}={value}$", value

    return Part(f"$f(-{x})$ for $f(x)=x^2-{a}x$", work)


def nth_term(rng: Random) -> Part:
    """Pitfall: the common difference is added once too often."""
    a, d, n = rng.randint(1, 20), rng.randint(2, 9), rng.randint(4, 9)

    def work(pen: Pen) -> tuple[str, int]:
        first, step, index = pen.read(a), pen.read(d), pen.read(n)
        count = index if pen.slips(0.6) else index - 1
        product = pen.calc(count * step)
        value = pen.calc(first + product)
        return f"${first}+{count} \\times {step}={first}+{product}={value}$", value

    return Part(f"term ${n}$ of the sequence ${a},{a + d},{a + 2 * d},\\dots$", work)


def root_sum(rng: Random) -> Part:
    """Pitfall: the sum of the roots gets the wrong sign."""
    b, c = rng.randint(2, 20), rng.randint(2, 20)

    def work(pen: Pen) -> tuple[str, int]:
        coefficient = pen.read(b)
        value = coefficient if pen.slips(0.5) else -coefficient
        return f"$r+s={value}$", value

    return Part(f"the sum of the roots of $x^2+{b}x-{c}$", work)


def negative_floor(rng: Random) -> Part:
    """Pitfall: a negative number is rounded toward zero."""
    d = rng.randint(2, 6)
    n = d * rng.randint(1, 9) + rng.randint(1, d - 1)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(n), pen.read(d)
        value = pen.calc(-(x // y) if pen.slips(0.6) else -(x // y) - 1)
        return f"$\\lfloor -{x} \\div {y} \\rfloor={value}$", value

    return Part(f"$\\lfloor -{n} \\div {d} \\rfloor$", work)


PLAIN = (linear_value, root_product)
PITFALLS = (negative_argument, nth_term, root_sum, negative_floor)
