"""Geometry: areas and perimeters of plane figures."""

from __future__ import annotations

from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen

RIGHT_TRIANGLES = ((4, 3, 5), (8, 6, 10), (6, 8, 10), (12, 5, 13), (8, 15, 17), (12, 9, 15))
"""Right triangles as (even leg, other leg, hypotenuse)."""


def rectangle_area(rng: Random) -> Part:
    """The product of the two sides."""
    a, b = rng.randint(2, 9), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x * y)
        return f"${x} \\times {y}={value}$", value

    return Part(f"the area of a rectangle with sides ${a}$ and ${b}$", work)


def rectangle_perimeter(rng: Random) -> Part:
    """Twice the sum of the two sides."""
    a, b = rng.randint(2, 20), rng.randint(2, 20)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        half = pen.calc(x + y)
        value = pen.calc(2 * half)
        return f"$2({x}+{y})=2 \\times {half}={value}$", value

    return Part(f"the perimeter of a rectangle with sides ${a}$ and ${b}$", work)


def triangle_area(rng: Random) -> Part:
    """Pitfall: the product is not halved."""
    a, b = 2 * rng.randint(1, 5), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        product = pen.calc(x * y)
        if pen.slips(0.6):
            return f"${x} \\times {y}={product}$", product
        value = pen.calc(product // 2)
        return f"${x} \\times {y} \\div 2={product} \\div 2={value}$", value

    return Part(f"the area of a triangle with base ${a}$ and height ${b}$", work)


def parallelogram_area(rng: Random) -> Part:
    """Pitfall: the side is used as the height."""
    base, height = rng.randint(3, 9), rng.randint(2, 7)
    side = height + rng.randint(1, 3)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(base), pen.read(side if pen.slips(0.55) else height)
        value = pen.calc(x * y)
        return f"${x} \\times {y}={value}$", value

    return Part(f"the area of a parallelogram with base ${base}$, side ${side}$ and height ${height}$", work)


def square_area_from_perimeter(rng: Random) -> Part:
    """Pitfall: half of the perimeter is used as the side."""
    side = rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(4 * side)
        divisor = 2 if pen.slips(0.5) else 4
        s = pen.calc(x // divisor)
        value = pen.calc(s * s)
        return f"${x} \\div {divisor}={s}$, ${s}^2={value}$", value

    return Part(f"the area of a square with perimeter ${4 * side}$", work)


def right_triangle_area(rng: Random) -> Part:
    """Pitfall: the hypotenuse is used as a leg."""
    leg, other, hypotenuse = rng.choice(RIGHT_TRIANGLES)
    extra = rng.randint(1, 20)

    def work(pen: Pen) -> tuple[str, int]:
        x, y, z = pen.read(leg), hypotenuse if pen.slips(0.6) else other, pen.read(extra)
        area = pen.calc(x * y // 2)
        value = pen.calc(area + z)
        return f"${x} \\times {y} \\div 2={area}$, ${area}+{z}={value}$", value

    return Part(
        f"${extra}$ more than the area of a right triangle with leg ${leg}$ and hypotenuse ${hypotenuse}$",
        work,
    )


PLAIN = (rectangle_area, rectangle_perimeter)
PITFALLS = (triangle_area, parallelogram_area, square_area_from_perimeter, right_triangle_area)
