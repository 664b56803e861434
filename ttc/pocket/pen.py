"""The hand that writes pocket solutions, with the slips that people make.

A solution is written by straight-line code that asks the pen at every pitfall "do I fall into this one?".
With `Pen.careful()` the answer is always no, and the solution is the gold one. With a random pen the slip
happens at its rate, and the code goes on consistently from the wrong value: such errors are systematic, so
voting does not cure them, and visible in the text, so a verifier can learn to see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

PITFALL_SCALE = {1: 0.25, 2: 0.5, 3: 0.9, 4: 1.05, 5: 1.15}
"""How much likelier a pitfall of a level's problems is to be fallen into than its kind's base rate."""

ARITHMETIC_SLIP_RATE = 0.012
MISREADING_RATE = 0.008


@dataclass
class Pen:
    """Writes one solution. `rng=None` never slips."""

    rng: Random | None
    level: int = 3

    @classmethod
    def careful(cls) -> Pen:
        return cls(None)

    def slips(self, base_rate: float) -> bool:
        """Does this solution fall into a pitfall whose kind has this base rate?"""
        return self.rng is not None and self.rng.random() < min(0.9, base_rate * PITFALL_SCALE[self.level])

    def read(self, number: int) -> int:
        """Copy a number from the problem, rarely a wrong one."""
        if self.rng is not None and self.rng.random() < MISREADING_RATE:
            return max(1, number + self.rng.choice((-2, -1, 1, 2)))
        return number

    def calc(self, result: int) -> int:
        """Write down the result of a calculation, rarely a wrong one."""
        if self.rng is not None and self.rng.random() < ARITHMETIC_SLIP_RATE:
            return result + self.rng.choice((-10, -2, -1, 1, 2, 10))
        return result


def signed(number: int) -> str:
    """`+3` or `-3`: the number as a later term of a sum."""
    return f"+{number}" if number >= 0 else str(number)


def braced(number: int) -> str:
    """`3` or `(-3)`: the number as an operand."""
    return str(number) if number >= 0 else f"({number})"
