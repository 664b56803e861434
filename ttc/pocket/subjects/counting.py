"""Counting: choices, multiples, pairs, ranges and subsets."""

from __future__ import annotations

from random import Random

from ttc.pocket.part import Part
from ttc.pocket.pen import Pen


def one_of_each(rng: Random) -> Part:
    """Choices of one item from each of two kinds."""
    a, b = rng.randint(2, 9), rng.randint(2, 9)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        value = pen.calc(x * y)
        return f"${x} \\times {y}={value}$", value

    return Part(f"the number of ways to pick one of ${a}$ soups and one of ${b}$ mains", work)


def multiples(rng: Random) -> Part:
    """Multiples of a number up to a limit."""
    k = rng.randint(2, 9)
    n = rng.randint(k + 2, 80)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(n), pen.read(k)
        value = pen.calc(x // y)
        return f"$\\lfloor {x} \\div {y} \\rfloor={value}$", value

    return Part(f"the number of multiples of ${k}$ from $1$ to ${n}$", work)


def unordered_pairs(rng: Random) -> Part:
    """Pitfall: unordered pairs are counted as ordered pairs."""
    n = rng.randint(4, 10)
    thing = rng.choice(("handshakes among", "pairs from", "teams of two from", "games among"))

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(n)
        ordered = pen.calc(x * (x - 1))
        if pen.slips(0.6):
            return f"${x} \\times {x - 1}={ordered}$", ordered
        value = pen.calc(ordered // 2)
        return f"${x} \\times {x - 1} \\div 2={ordered} \\div 2={value}$", value

    return Part(f"the number of {thing} ${n}$ people", work)


def leader_and_deputy(rng: Random) -> Part:
    """Pitfall: the same person is counted for both offices."""
    n = rng.randint(3, 9)
    club = rng.choice(("club", "class", "team", "choir"))

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(n)
        second = x if pen.slips(0.45) else x - 1
        value = pen.calc(x * second)
        return f"${x} \\times {second}={value}$", value

    return Part(f"the number of ways to pick a leader and a deputy from a {club} of ${n}$", work)


def inclusive_range(rng: Random) -> Part:
    """Pitfall: one end of the range is not counted."""
    a = rng.randint(3, 30)
    b = a + rng.randint(5, 50)

    def work(pen: Pen) -> tuple[str, int]:
        x, y = pen.read(a), pen.read(b)
        if pen.slips(0.6):
            value = pen.calc(y - x)
            return f"${y}-{x}={value}$", value
        value = pen.calc(y - x + 1)
        return f"${y}-{x}+1={value}$", value

    return Part(f"the number of integers from ${a}$ to ${b}$", work)


def nonempty_subsets(rng: Random) -> Part:
    """Pitfall: the empty subset is not subtracted."""
    k = rng.randint(2, 6)
    thing = rng.choice(("coins", "cards", "books", "pens", "hats"))

    def work(pen: Pen) -> tuple[str, int]:
        x = pen.read(k)
        total = pen.calc(2**x)
        if pen.slips(0.55):
            return f"$2^{x}={total}$", total
        value = pen.calc(total - 1)
        return f"$2^{x}-1={total}-1={value}$", value

    return Part(f"the number of ways to take at least one of ${k}$ different {thing}", work)


PLAIN = (one_of_each, multiples)
PITFALLS = (unordered_pairs, leader_and_deputy, inclusive_range, nonempty_subsets)
