"""How much more the baseline must spend to be as accurate: the ratio of budgets at equal accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.intervals import LEVEL, RESAMPLES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BudgetRatio:
    """What the baseline needs, divided by what was spent, at equal accuracy.

    Attributes:
        matched: the baseline's cost per problem at which it is as accurate; its largest where it never is.
        ratio: `matched` divided by the cost.
        lo: of the 95% interval over problems.
        hi: of the same; infinite where the baseline may never reach that accuracy.
        reached: whether the baseline reaches it. Otherwise `matched` and `ratio` are lower bounds.
    """

    matched: float
    ratio: float
    lo: float
    hi: float
    reached: bool


def cost_to_reach(accuracy: float, accuracies: Floats, costs: Floats) -> float:
    """Return the smallest cost at which a curve reaches an accuracy; infinity where it never does.

    Between two measured points the accuracy is linear in the logarithm of the cost. Below the first point the first
    point's cost is returned: nothing is extrapolated.

    Args:
        accuracy: in [0, 1].
        accuracies: of the curve, by rising cost; (points,). A curve that falls again has reached what it had reached.
        costs: rising, above 0; (points,).
    """
    reached = np.flatnonzero(accuracies >= accuracy)
    if not len(reached):
        return math.inf
    place = int(reached[0])
    if place == 0:
        return float(costs[0])
    low, high = accuracies[place - 1], accuracies[place]
    share = (accuracy - low) / (high - low)
    return float(math.exp(math.log(costs[place - 1]) * (1 - share) + math.log(costs[place]) * share))


def budget_ratio(
    outcomes: Floats,
    cost: Floats,
    baseline: Floats,
    baseline_costs: Floats,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BudgetRatio:
    """Return the ratio of budgets at equal accuracy, with a paired bootstrap over problems.

    Args:
        outcomes: of the strategy, (problems,).
        cost: of the strategy, (problems,).
        baseline: outcomes of the baseline at each budget, (budgets, problems).
        baseline_costs: of the baseline, (budgets, problems); their means rise.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    rows = np.vstack([outcomes, cost, baseline, baseline_costs])  # (rows, problems)
    means = rows.mean(axis=1)
    matched, ratio = _ratio(means, len(baseline))
    n = rows.shape[1]
    counts = _resample_counts(n, resamples, seed)
    drawn = np.array([_ratio(row, len(baseline))[1] for row in counts @ rows.T / n])
    tail = (1 - LEVEL) / 2
    lo, hi = (_quantile(drawn, level) for level in (tail, 1 - tail))
    if math.isfinite(ratio):
        return BudgetRatio(matched, ratio, lo, hi, reached=True)
    largest = float(means[-1])
    bound = largest / float(means[1])
    return BudgetRatio(largest, bound, min(lo, bound), math.inf, reached=False)


def _ratio(means: Floats, budgets: int) -> tuple[float, float]:
    """Return the matched cost and the ratio from the means of `budget_ratio`'s rows."""
    accuracy, cost = float(means[0]), float(means[1])
    matched = cost_to_reach(accuracy, means[2 : 2 + budgets], means[2 + budgets :])
    return matched, matched / cost


def _resample_counts(n: int, resamples: int, seed: int) -> Floats:
    """Return how often each problem is drawn, (resamples, problems)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _quantile(values: Floats, level: float) -> float:
    """Return a quantile of values some of which may be infinite: the nearest one at or below that rank."""
    ordered = np.sort(values)
    return float(ordered[min(int(level * len(ordered)), len(ordered) - 1)])
