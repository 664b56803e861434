"""Parts of pocket problems: a part asks for one quantity in a few words and is solved in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ttc.pocket.pen import Pen


@dataclass(frozen=True)
class Part:
    """One quantity of a problem.

    `question` describes the quantity. `work(pen)` writes the calculation, without a newline, and returns it with its
    result.
    """

    question: str
    work: Callable[[Pen], tuple[str, int]]


PartMaker = Callable[[Random], Part]
"""Draws one part from at least a few hundred possible parts."""
