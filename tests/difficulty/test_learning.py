"""A regression from hidden states to pass@1."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ttc.difficulty.learning import Learner, Regression

EACH = pytest.mark.parametrize("regression", [*Regression])
Features = dict[str, NDArray[np.float64]]


def problems(count: int, seed: int = 0, prefix: str = "p") -> tuple[Features, dict[str, float]]:
    """Return features of 6 dimensions, and pass@1 that depends on the first two of them."""
    drawn = np.random.default_rng(seed).normal(size=(count, 6))
    logits = drawn @ np.array([2.0, -1.0, 0.0, 0.0, 0.0, 0.0])
    ids = [f"{prefix}{n:03}" for n in range(count)]
    return dict(zip(ids, drawn, strict=True)), dict(zip(ids, map(float, 1 / (1 + np.exp(-logits))), strict=True))


def mean_error(found: dict[str, float], truth: dict[str, float]) -> float:
    return float(np.mean([abs(found[id_] - truth[id_]) for id_ in found]))


@EACH
def test_problems_never_seen_are_predicted_from_others(regression: Regression) -> None:
    features, truth = problems(80)
    others, their_truth = problems(40, seed=1, prefix="q")
    found = Learner(regression).predicted({**features, **others}, truth, [*others])
    assert set(found) == set(others) and all(0 <= value <= 1 for value in found.values())
    assert mean_error(found, their_truth) < 0.1 < mean_error(dict.fromkeys(others, 0.5), their_truth)


@EACH
def test_a_problems_own_pass1_does_not_influence_its_own_prediction(regression: Regression) -> None:
    features, truth = problems(30)
    learner = Learner(regression, folds=3)
    before = learner.predicted(features, truth, [*truth])
    assert mean_error(before, truth) < 0.2
    after = learner.predicted(features, {**truth, "p007": 1.0 - truth["p007"]}, [*truth])
    assert after["p007"] == before["p007"]
    assert sum(after[other] != before[other] for other in truth) >= 15  # it is learned from, where others are predicted


@EACH
def test_a_mixture_is_cross_fitted_where_problems_were_seen_only(regression: Regression) -> None:
    features, truth = problems(30)
    others, _ = problems(5, seed=1, prefix="q")
    learner = Learner(regression, folds=3)
    mixed = learner.predicted({**features, **others}, truth, ["p003", *others])
    assert mixed["p003"] == learner.predicted(features, truth, ["p003"])["p003"]
    assert mixed["q000"] == learner.predicted({**features, **others}, truth, [*others])["q000"]


def test_what_is_learned_does_not_depend_on_the_order_of_problems_but_on_the_seed() -> None:
    features, truth = problems(40)
    found = Learner().predicted(features, truth, [*truth])
    backwards = dict(reversed(truth.items()))
    assert Learner().predicted(dict(reversed(features.items())), backwards, [*backwards]) == found
    assert Learner(seed=1).predicted(features, truth, [*truth]) != found


def test_ridge_is_the_closed_form_at_the_penalty_that_leave_one_out_chooses() -> None:
    features, truth = problems(30)
    new, _ = problems(4, seed=2, prefix="q")
    found = Learner().predicted({**features, **new}, truth, [*new])
    x, y = np.array([*features.values()]), np.array([*truth.values()])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scaled, asked = (x - mean) / spread, (np.array([*new.values()]) - mean) / spread

    def predict(rows: NDArray[np.float64], goals: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
        centre = rows.mean(axis=0)
        gram = (rows - centre).T @ (rows - centre) + penalty * np.eye(6)
        weights = np.linalg.solve(gram, (rows - centre).T @ (goals - goals.mean()))
        return np.asarray(goals.mean() + weights @ (-centre) + np.array([*asked, *scaled]) @ weights)

    def left_out(penalty: float) -> float:
        rest = [np.arange(30) != n for n in range(30)]
        return sum(float(predict(scaled[keep], y[keep], penalty)[4 + n] - y[n]) ** 2 for n, keep in enumerate(rest))

    best = min(np.logspace(-2, 4, 13), key=left_out)
    assert [*found.values()] == pytest.approx(np.clip(predict(scaled, y, best)[:4], 0, 1).tolist())


@EACH
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_problems_of_equal_difficulty_predict_just_that(regression: Regression, value: float) -> None:
    features, truth = problems(25)
    new, _ = problems(3, seed=3, prefix="q")
    found = Learner(regression).predicted({**features, **new}, dict.fromkeys(truth, value), [*new])
    assert [*found.values()] == pytest.approx([value] * 3, abs=0.01)
