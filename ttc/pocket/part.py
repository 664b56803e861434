"""A part of a pocket problem: one quantity, asked in a few words and worked out in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ttc.pocket.pen import Pen


@dataclass(frozen=True)
class Part:
    """One quantity of a problem.

    `question` says what it is; `work(pen)` writes the calculation, without its line end, and returns it with the
    value it arrives at. `has_pitfall` marks the parts that people get wrong systematically.
    """

    question: str
    work: Callable[[Pen], tuple[str, int]]
    has_pitfall: bool = False


PartMaker = Callable[[Random], Part]
"""Draws one part; every maker draws from a few hundred parts or more."""
