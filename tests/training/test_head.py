"""`trainable=head`: a logistic regression on hidden states that are computed once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from ttc.training.head import FREE, fit_best_head, fit_head, head_values
from ttc.training.value_model import EncodedTrace


def random_states(count: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    states = rng.normal(2.0, 1.0, (count, size))  # their mean is far from 0, as that of hidden states is
    direction = rng.normal(size=size)
    labels = 1 / (1 + np.exp(-((states - 2.0) @ direction) + 1.0))
    return states, labels, [f"p{i // 4}" for i in range(count)]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0, logits) - labels * logits))


def test_the_fitted_head_minimises_the_penalised_cross_entropy() -> None:
    states, labels, groups = random_states(200, 5)
    weight, _ = fit_head(states, labels, groups, seed=0, l2=3.0)
    center, spread = states.mean(axis=0), states.std(axis=0)
    constant = FREE * center / (center @ center)

    def objective(parameters: np.ndarray) -> float:
        logits = states @ (parameters[:-1] / spread + parameters[-1] * constant)
        return cross_entropy(logits, labels) + 1.5 * float(parameters @ parameters)

    best = minimize(objective, np.zeros(6), tol=1e-10)
    assert states @ weight == pytest.approx(states @ (best.x[:-1] / spread + best.x[-1] * constant), abs=0.02)


def test_the_direction_of_the_mean_state_replaces_a_bias() -> None:
    states, labels, groups = random_states(400, 5)
    rare = labels * 0.02
    weight, _ = fit_head(states, rare, groups, seed=0, l2=1000.0)
    predicted = 1 / (1 + np.exp(-(states @ weight)))
    assert predicted.mean() == pytest.approx(rare.mean(), rel=0.3)


def test_the_penalty_is_the_one_that_predicts_held_out_problems_best() -> None:
    states, labels, groups = random_states(80, 40)
    noisy = (labels > np.random.default_rng(1).random(80)).astype(float)
    weight, losses = fit_head(states, noisy, groups, seed=0)
    best = min(losses, key=lambda l2: losses[l2])
    same, _ = fit_head(states, noisy, groups, seed=0, l2=float(best))
    assert len(losses) > 2 and losses[best] < losses["1"]
    assert weight == pytest.approx(same)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_of_one_kind_and_a_single_problem_leave_a_head_that_knows_nothing(label: float) -> None:
    states, _, _ = random_states(6, 3)
    weight, _ = fit_head(states, np.full(6, label), ["p"] * 6, seed=0)
    assert weight == pytest.approx(np.zeros(3))


def test_the_depth_is_the_one_whose_states_predict_held_out_problems_best() -> None:
    informative, labels, groups = random_states(120, 4)
    noise = np.random.default_rng(5).normal(size=informative.shape)
    states = np.stack([noise, informative, 0.1 * informative + noise], axis=1).astype(np.float32)  # (N, depths, D)
    head = fit_best_head(states, [2, 4, 6], labels, groups, seed=0)
    assert head.depth == 4 and set(head.losses) == {"2", "4", "6"}
    weight, losses = fit_head(states[:, 1].astype(np.float64), labels, groups, seed=0)
    assert head.weight == pytest.approx(weight) and head.losses["4"] == losses


def test_the_values_of_a_head_follow_from_the_states_alone() -> None:
    traces = [EncodedTrace([5, 6], [0, 1], [1.0, 0.0], 1), EncodedTrace([5], [0], [1.0], 1)]
    states = np.array([[1.0, 0.0], [0.0, 2.0], [-800.0, 0.0]], dtype=np.float32)
    values = head_values(states, np.array([1.0, -1.0]), traces)
    assert values[0] == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(2))]) and values[1] == [0.0]
