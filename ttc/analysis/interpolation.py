"""Outcomes at a budget that was not measured: read between its neighbours, never beyond them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What a curve says about a budget.

    Attributes:
        budget: that was asked for.
        low: the largest measured budget up to it; outside of the measured range, the nearest one.
        high: the smallest measured budget from it on; outside of the measured range, the nearest one.
        outcomes: (problems,).
    """

    budget: float
    low: int
    high: int
    outcomes: Floats

    @property
    def is_beyond(self) -> bool:
        """Whether the budget is larger than all measured ones."""
        return self.budget > self.high

    @property
    def is_below(self) -> bool:
        """Whether the budget is smaller than all measured ones."""
        return self.budget < self.low

    @property
    def is_measured(self) -> bool:
        """Whether the budget lies in the measured range."""
        return not (self.is_beyond or self.is_below)


def read_at(budgets: Sequence[int], outcomes: Floats, budget: float) -> Reading:
    """Return each problem's outcome at a budget: linear in log2(budget) between the two neighbours.

    At a measured budget it is what was measured; between two it is never outside of their values; beyond the largest
    and below the smallest it is theirs. Nothing is extrapolated.

    Args:
        budgets: measured, at least 1, rising; (budgets,).
        outcomes: (budgets, problems).
        budget: at least 0.
    """
    after = int(np.searchsorted(budgets, budget))  # the first measured budget that is no smaller
    if after == len(budgets):
        return Reading(budget, budgets[-1], budgets[-1], outcomes[-1])
    if after == 0 or budgets[after] == budget:
        return Reading(budget, budgets[after], budgets[after], outcomes[after])
    low, high = budgets[after - 1], budgets[after]
    share = math.log2(budget / low) / math.log2(high / low)
    left, right = outcomes[after - 1], outcomes[after]
    between = np.clip(left + share * (right - left), np.minimum(left, right), np.maximum(left, right))  # rounding
    return Reading(budget, low, high, between)
