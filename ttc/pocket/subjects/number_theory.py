"""Number theory: divisors, remainders, common divisors and multiples, units digits."""

from __future__ import annotations

from math import gcd, lcm
from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen


def remainder(rng: Random) -> Part:
    """Subtraction of the largest multiple."""
    m = rng.randint(3, 9)
    n = rng.randint(m + 1, 60)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(n), pen.read(m)
        multiple = pen.calc(x // y * y)
        value = pen.calc(x - multiple)
        return f"${x}-{multiple}={value}$", value

    return Part(f"the remainder when ${n}$ is divided by ${m}$", work)


def greatest_common_divisor(rng: Random) -> Part:
    """The greatest common divisor of two small numbers."""
    d = rng.randint(2, 9)
    a, b = d * rng.randint(1, 5), d * rng.randint(2, 6)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(gcd(x, y))
        return f"$\\gcd({x},{y})={value}$", value

    return Part(f"$\\gcd({a},{b})$", work)


def negative_remainder(rng: Random) -> Part:
    """Pitfall: the remainder of a negative number is computed as if the number were positive."""
    m = rng.randint(3, 9)
    n = m * rng.randint(1, 5) + rng.randint(1, m - 1)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(n), pen.read(m)
        if pen.slips(0.65):
            multiple = pen.calc(x // y * y)
            value = pen.calc(x - multiple)
            return f"${x}-{multiple}={value}$", value
        multiple = pen.calc((x // y + 1) * y)
        value = pen.calc(multiple - x)
        return f"$-{x}+{multiple}={value}$", value

    return Part(f"the remainder when $-{n}$ is divided by ${m}$", work)


def divisor_count(rng: Random) -> Part:
    """Pitfall: the exponents are multiplied without first adding one to each."""
    p, q = rng.sample((2, 3, 5, 7, 11, 13), 2)
    a, b = rng.randint(1, 7), rng.randint(1, 7)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        if pen.slips(0.6):
            value = pen.calc(x * y)
            return f"${x} \\times {y}={value}$", value
        value = pen.calc((x + 1) * (y + 1))
        return f"$({x}+1)({y}+1)={value}$", value

    return Part(f"the number of divisors of ${p}^{a} \\times {q}^{b}$", work)


def least_common_multiple(rng: Random) -> Part:
    """Pitfall: the product is used although the numbers have a common divisor."""
    d = rng.randint(2, 4)
    a, b = (d * k for k in rng.sample(range(1, 7), 2))
    if a * b > 99:
        a, b = 2 * d, 3 * d

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        if pen.slips(0.5):
            value = pen.calc(x * y)
            return f"${x} \\times {y}={value}$", value
        value = pen.calc(lcm(x, y))
        return f"$\\text{{lcm}}({x},{y})={value}$", value

    return Part(f"$\\text{{lcm}}({a},{b})$", work)


def units_digit(rng: Random) -> Part:
    """Pitfall: one power is left out."""
    a, k = rng.choice((2, 3, 4, 7, 8, 9, 12, 13, 14, 17, 18, 19)), rng.randint(3, 7)

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(a)
        digits = [x % 10]
        for _ in range(k - 2 if pen.slips(0.5) else k - 1):
            digits.append(pen.calc(digits[-1] * x % 10) % 10)
        return f"${','.join(map(str, digits))}$", digits[-1]

    return Part(f"the units digit of ${a}^{k}$", work)


PLAIN = (remainder, greatest_common_divisor)
PITFALLS = (negative_remainder, divisor_count, least_common_multiple, units_digit)
