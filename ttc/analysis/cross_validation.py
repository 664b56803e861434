"""Choosing a strategy per bin on some problems, and measuring it on others.

Snell et al. 2024, section 3.2: "we use two-fold cross validation on each difficulty bin", so that a problem's answer
never informs the choice that it is measured by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ttc.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 2
SPLITS = 50
FEWEST_PER_FOLD = 2


def cross_validated_choices(outcomes: Floats, bins: Ints, *, splits: int = SPLITS, seed: int = 0) -> Ints:
    """Return the option that each problem is measured by, for each random split: (splits, problems).

    In every bin the problems are cut into two folds; the option with the highest mean on one fold is the choice for
    the problems of the other. Ties, as in an easy bin that all options solve, go to the option with the highest mean on
    that fold and all other bins together: never on a problem that the choice is measured on.

    Args:
        outcomes: (options, problems).
        bins: (problems,), any numbers.
        splits: how many random splits.
        seed: of the splits, which do not depend on the outcomes.

    Raises:
        UserError: a bin with too few problems.
    """
    choices = np.zeros((splits, outcomes.shape[1]), dtype=np.int64)
    totals = outcomes.sum(axis=1)
    for number in np.unique(bins):
        members = np.flatnonzero(bins == number)
        _refuse_few(int(number), len(members))
        rng = np.random.default_rng([seed, int(number)])
        for split in range(splits):
            order = rng.permutation(members)
            for measured, chosen_on in _folds(order):
                elsewhere = totals - outcomes[:, measured].sum(axis=1)
                choices[split, measured] = best_option(outcomes[:, chosen_on], elsewhere)
    return choices


def best_option(outcomes: Floats, elsewhere: Floats) -> int:
    """Return the option with the highest mean over problems, (options, problems).

    Ties go to the option with the largest value in `elsewhere`, (options,), then to the first.
    """
    best = _largest(outcomes.mean(axis=1))
    return int(best[_largest(elsewhere[best])[0]])


def _largest(values: Floats) -> Ints:
    """Return where the largest value is; sums of equal outcomes may differ by rounding."""
    return np.flatnonzero(values >= values.max() - 1e-9)


def measured(values: Floats, choices: Ints) -> Floats:
    """Return each problem's mean over splits of the chosen options' values, (problems,).

    `values` are (options, problems), `choices` (splits, problems).
    """
    means: Floats = values[choices, np.arange(values.shape[1])].mean(axis=0)
    return means


def _folds(order: Ints) -> Sequence[tuple[Ints, Ints]]:
    """Return pairs of the problems that are measured, and those that their choice is made on."""
    half = len(order) // 2
    return (order[:half], order[half:]), (order[half:], order[:half])


def _refuse_few(number: int, problems: int) -> None:
    if problems < FOLDS * FEWEST_PER_FOLD:
        raise UserError(
            f"bin {number} has {problems} problem{'s' * (problems != 1)}: cross-validation needs at least "
            f"{FOLDS * FEWEST_PER_FOLD} in every bin; give runs on more problems, or other thresholds."
        )
