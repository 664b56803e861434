"""A regression from hidden states to pass@1: the difficulty of a problem that nobody has sampled yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PENALTIES = 13  # from 0.01 to 10,000: hidden states of some thousand dimensions need strong ones
INNER_FOLDS = 5  # that the penalty is chosen by
FEWEST = 20  # problems to learn from


class Regression(StrEnum):
    """How hidden states become a value in [0, 1].

    `ridge` is linear regression on pass@1: its errors are squared, as those of the mean that quintiles are cut from.
    `logistic` models the odds of a correct sample, and cannot leave [0, 1].
    """

    ridge = "ridge"
    logistic = "logistic"


@dataclass(frozen=True)
class Learner:
    """What is fitted, and how reproducibly."""

    regression: Regression = Regression.ridge
    folds: int = 5
    seed: int = 0

    def predicted(
        self, features: Mapping[str, NDArray[np.float64]], targets: Mapping[str, float], ids: Sequence[str]
    ) -> dict[str, float]:
        """Predict a value in [0, 1] for each of `ids`, by a model that never saw the problem's own target.

        Problems without a target are predicted from all targets; those with one by cross-fitting: the problems with
        targets are cut into folds, and each fold is predicted from the others.

        Args:
            features: (hidden,) by problem id.
            targets: pass@1 by problem id.
            ids: of the problems to predict.
        """
        known = sorted(targets.keys() & features.keys())
        new = [id_ for id_ in ids if id_ not in targets]
        found = self._fitted(features, targets, known, new) if new else {}
        wanted = set(ids)
        for fold in self._cut(known):
            asked = [id_ for id_ in fold if id_ in wanted]
            if asked:
                others = sorted(set(known).difference(fold))
                found |= self._fitted(features, targets, others, asked)
        return found

    def _cut(self, ids: Sequence[str]) -> list[list[str]]:
        """Cut ids into folds at random; which fold an id is in does not depend on any target."""
        import numpy as np

        order = np.random.default_rng(self.seed).permutation(len(ids))
        return [[ids[place] for place in part] for part in np.array_split(order, self.folds)]

    def _fitted(
        self,
        features: Mapping[str, NDArray[np.float64]],
        targets: Mapping[str, float],
        known: Sequence[str],
        asked: Sequence[str],
    ) -> dict[str, float]:
        import numpy as np

        inputs = np.array([features[id_] for id_ in known])  # (problems, hidden)
        goals = np.array([targets[id_] for id_ in known])
        wanted = np.array([features[id_] for id_ in asked])
        fit = _ridge if self.regression is Regression.ridge else _logistic
        values = np.clip(fit(inputs, goals, wanted, self.seed), 0.0, 1.0)
        return dict(zip(asked, map(float, values), strict=True))


def _ridge(
    inputs: NDArray[np.float64], goals: NDArray[np.float64], wanted: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Predict by ridge regression, whose penalty leave-one-out validation chooses."""
    import numpy as np
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, PENALTIES)))
    values: NDArray[np.float64] = model.fit(inputs, goals).predict(wanted)
    return values


def _logistic(
    inputs: NDArray[np.float64], goals: NDArray[np.float64], wanted: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Predict by logistic regression: every problem is a success weighted by pass@1 and a failure by the rest."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(inputs)
    scaled, asked = scaler.transform(inputs), scaler.transform(wanted)

    def predict(
        rows: NDArray[np.float64], shares: NDArray[np.float64], others: NDArray[np.float64], strength: float
    ) -> NDArray[np.float64]:
        model = LogisticRegression(C=strength, max_iter=2000)
        labels = np.repeat([1, 0], len(rows))
        model.fit(np.concatenate([rows, rows]), labels, sample_weight=np.concatenate([shares, 1 - shares]))
        chances: NDArray[np.float64] = model.predict_proba(others)[:, list(model.classes_).index(1)]
        return chances

    if np.ptp(goals) == 0 and goals[0] in (0.0, 1.0):
        return np.full(len(wanted), goals[0])  # one class alone cannot be fitted
    order = np.random.default_rng(seed).permutation(len(goals))
    parts = np.array_split(order, INNER_FOLDS)

    def loss(strength: float) -> float:
        total = 0.0
        for part in parts:
            rest = np.setdiff1d(order, part)
            chances = np.clip(predict(scaled[rest], goals[rest], scaled[part], strength), 1e-6, 1 - 1e-6)
            total -= float((goals[part] * np.log(chances) + (1 - goals[part]) * np.log(1 - chances)).sum())
        return total

    best = min(map(float, np.logspace(-4, 1, 6)), key=loss)
    return predict(scaled, goals, asked, best)
