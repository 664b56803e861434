"""The writer of pocket solutions, with a simulation of human slips.

The code that writes a solution asks the pen at every pitfall whether to make the slip. `Pen.careful()` never slips, so
it writes the gold solution. A random pen slips at the pitfall's rate, and the solution continues consistently from the
wrong value. Such errors are systematic, so voting does not correct them; and they are visible in the text, so a
verifier can learn to detect them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

PITFALL_SCALE = {1: 0.25, 2: 0.5, 3: 0.9, 4: 1.05, 5: 1.15}
"""Level -> factor on the base rate of every pitfall in a problem of that level."""

ARITHMETIC_SLIP_RATE = 0.012
MISREADING_RATE = 0.008


@dataclass
class Pen:
    """Writes one solution; with `rng=None` it never slips."""

    rng: Random | None
    level: int = 3

    @classmethod
    def careful(cls) -> Pen:
        """Return a pen that never slips."""
        return cls(None)

    def slips(self, base_rate: float) -> bool:
        """Return whether the solution slips at a pitfall with this base rate."""
        return self.rng is not None and self.rng.random() < min(0.9, base_rate * PITFALL_SCALE[self.level])

    def read(self, number: int) -> int:
        """Return a number copied from the problem, rarely misread."""
        if self.rng is not None and self.rng.random() < MISREADING_RATE:
            return max(1, number + self.rng.choice((-2, -1, 1, 2)))
        return number

    def calc(self, result: int) -> int:
        """Return the result of a calculation, rarely a wrong one."""
        if self.rng is not None and self.rng.random() < ARITHMETIC_SLIP_RATE:
            return result + self.rng.choice((-10, -2, -1, 1, 2, 10))
        return result


def signed(number: int) -> str:
    """Format a number as a later term of a sum: `+3` or `-3`."""
    return f"+{number}" if number >= 0 else str(number)
