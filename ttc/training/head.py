"""A verifier's head: a logistic regression on hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ttc.hashing import digest
from ttc.training.kept import Rows
from ttc.training.value_model import EncodedTrace

Floats = NDArray[np.float64]

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

PENALTIES = tuple(10.0**k for k in range(0, 5))
FOLDS = 5  # of the training problems, that the penalty is chosen by
FREE = 1e3  # scale of the constant direction: its weight is hardly penalised


def head_values(states: Rows, weight: Floats, traces: Sequence[EncodedTrace]) -> list[list[float]]:
    """Return the values in [0, 1] that a head gives at the step ends of every trace, from their states (ends, D)."""
    values = np.exp(-np.logaddexp(0, -(states.astype(np.float64) @ weight))).tolist()
    ends = iter(values)
    return [list(islice(ends, len(trace.ends))) for trace in traces]


@dataclass(frozen=True)
class Head:
    """A fitted head.

    Attributes:
        depth: layers below it.
        weight: (D,); logits are `states @ weight`.
        losses: the cross-entropy on held-out folds, by depth and penalty.
    """

    depth: int
    weight: Floats
    losses: dict[str, dict[str, float]]


def fit_best_head(
    states: Rows, depths: Sequence[int], labels: Floats, groups: Sequence[str], seed: int, l2: float | None = None
) -> Head:
    """Fit a head to the states (ends, depths, D) of each depth; keep the one that predicts held-out problems best."""
    fitted = {
        depth: fit_head(states[:, place].astype(np.float64), labels, groups, seed, l2)
        for place, depth in enumerate(depths)
    }
    best = min(depths, key=lambda depth: min(fitted[depth][1].values()))
    return Head(best, fitted[best][0], {str(depth): losses for depth, (_, losses) in fitted.items()})


def fit_head(
    states: Floats, labels: Floats, groups: Sequence[str], seed: int, l2: float | None = None
) -> tuple[Floats, dict[str, float]]:
    """Fit the head: logits are `states @ weight`.

    A label y in [0, 1] counts as y of a correct and 1 - y of a wrong example. Without `l2`, the penalty is the one with
    the smallest cross-entropy on folds of the training data; a problem's steps are all in one fold. A value head has no
    bias: the direction of the mean hidden state takes its place, and is hardly penalised.

    Args:
        states: (N, D).
        labels: (N,).
        groups: the problem that each state belongs to.
        seed: of the folds.
        l2: the penalty.

    Returns:
        weight: (D,).
        losses: the cross-entropy on held-out folds by penalty; of a given penalty, its own.
    """
    center = states.mean(axis=0)
    constant = FREE * center / max(float(center @ center), 1e-12)  # (D,): its product with a state is about FREE
    spread = states.std(axis=0)
    scale = 1.0 / np.maximum(spread, 1e-6 * max(float(spread.max()), 1e-12))
    features = np.column_stack([states * scale, states @ constant])  # (N, D + 1)
    folds = _folds(groups, seed)
    penalties = PENALTIES if l2 is None else (l2,)
    losses = {f"{penalty:g}": _held_out_loss(features, labels, folds, penalty) for penalty in penalties}
    best = min(penalties, key=lambda penalty: losses[f"{penalty:g}"])
    fitted = _fit(features, labels, best)
    return fitted[:-1] * scale + fitted[-1] * constant, losses


def _folds(groups: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return each state's fold; that of a problem depends on its id alone."""
    numbers = {group: digest(seed, group)[0] % FOLDS for group in set(groups)}
    return np.array([numbers[group] for group in groups])


def _held_out_loss(features: Floats, labels: Floats, folds: NDArray[np.int64], penalty: float) -> float:
    logits = np.zeros(len(labels))
    for fold in np.unique(folds):
        inside = folds == fold
        if inside.all():  # one problem alone: nothing is held out
            inside = ~inside
        known = ~inside
        logits[inside] = features[inside] @ _fit(features[known], labels[known], penalty)
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def _fit(features: Floats, labels: Floats, penalty: float) -> Floats:
    from sklearn.linear_model import LogisticRegression

    weights = np.concatenate([labels, 1 - labels])
    kept = weights > 0
    inputs = np.concatenate([features, features])[kept]
    targets = np.repeat([1, 0], len(labels))[kept]
    if targets.min() == targets.max():  # one class: no direction tells more than another
        return np.zeros(features.shape[1])
    regression: LogisticRegression = LogisticRegression(C=1 / penalty, fit_intercept=False, solver="newton-cholesky")
    regression.fit(inputs, targets, sample_weight=weights[kept])
    coefficients: Floats = regression.coef_[0]
    return coefficients


def set_head(model: Any, weight: Floats) -> None:
    """Write a fitted weight (D,) into the model's head."""
    import torch

    head = model.score.weight  # (1, D)
    with torch.no_grad():
        head.copy_(torch.tensor(weight, dtype=head.dtype)[None])
