"""What one more sample is predicted to be worth."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.analysis.marginal_gain import (
    BetaPrediction,
    BetaPrior,
    CurvePrediction,
    LearnedCurves,
    beta_predictions,
    concave_majorant,
    probe_values,
)
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import Aggregation


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@pytest.mark.parametrize("samples", [0, 1, 5, 40])
def test_coverage_is_the_ratio_of_beta_functions(samples: int) -> None:
    prior, probes = BetaPrior(0.5, 0.8), (0.2, 0.9, 0.0)
    none_of_the_probes = 0.8 * 0.1
    ratio = math.exp(log_beta(0.5, 0.8 + 3 + samples) - log_beta(0.5, 0.8 + 3))
    assert BetaPrediction(prior, probes).after(samples) == pytest.approx(1 - none_of_the_probes * ratio)


def test_coverage_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(0.7, 1.3, 400_000)
    drawn = rng.random((400_000, 5)) < chance[:, None]
    failed = ~drawn[:, :2].any(axis=1)  # both probes are wrong
    found = drawn[failed, 2:].any(axis=1).mean()
    assert BetaPrediction(BetaPrior(0.7, 1.3), (0.0, 0.0)).after(3) == pytest.approx(found, abs=0.005)


def test_a_problem_whose_probe_is_surely_correct_gains_nothing() -> None:
    prediction = BetaPrediction(BetaPrior(1, 1), (1.0, 0.3))
    assert prediction.value == 1.0
    assert [*islice(prediction.gains(), 3)] == [0, 0, 0]


def test_a_problem_without_scored_probes_is_predicted_from_the_prior() -> None:
    prediction = BetaPrediction(BetaPrior(1, 1), ())
    assert prediction.value == 0.0
    assert prediction.after(1) == pytest.approx(1 / 2)
    assert prediction.after(2) == pytest.approx(2 / 3)


@settings(deadline=None)
@given(
    st.floats(0.01, 50), st.floats(0.01, 50), st.lists(st.floats(0, 1, allow_subnormal=False), max_size=5).map(tuple)
)
def test_gains_of_the_beta_model_never_rise(a: float, b: float, probes: tuple[float, ...]) -> None:
    gains = [*islice(BetaPrediction(BetaPrior(a, b), probes).gains(), 30)]
    assert all(more >= less >= 0 for more, less in pairwise(gains))


def test_the_prior_is_recovered_from_many_problems() -> None:
    rng = np.random.default_rng(1)
    chance = rng.beta(2, 3, 20_000)
    values = (rng.random((20_000, 4)) < chance[:, None]).astype(float)
    prior = BetaPrior.fitted([tuple(row) for row in values])
    assert [prior.a, prior.b] == pytest.approx([2, 3], rel=0.1)


@pytest.mark.parametrize(
    "values",
    [
        [(0.0, 0.0), (0.0, 0.0)],
        [(1.0, 1.0), (1.0, 1.0)],
        [(0.0, 1.0), (1.0, 0.0)],
        [(0.0, 0.0), (1.0, 1.0)],
        [(0.3,), (0.9,)],
        [(), ()],
    ],
)
def test_a_prior_is_proper_whatever_the_values_are(values: list[tuple[float, ...]]) -> None:
    prior = BetaPrior.fitted(values)
    assert 0 < prior.a < 1001 and 0 < prior.b < 1001


def test_hopeless_and_solved_problems_share_one_prior() -> None:
    found = beta_predictions({"solved": (0.95, 0.9), "unsolved": (0.05, 0.1)})
    assert found["solved"].value > 0.99
    assert next(found["unsolved"].gains()) > 10 * next(found["solved"].gains())


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_majorant_is_the_lowest_concave_curve_above(curve: list[float]) -> None:
    points = np.array(curve)
    found = concave_majorant(points)
    assert (found >= points - 1e-12).all()
    slopes = np.diff(found)
    assert (slopes >= -1e-12).all() and (np.diff(slopes) <= 1e-9).all()
    rising = np.maximum.accumulate(points)
    chords = [
        max(
            rising[i] + (rising[j] - rising[i]) * ((x - i) / (j - i) if j > i else 0)
            for i in range(x + 1)
            for j in range(x, len(points))
        )
        for x in range(len(points))
    ]
    assert found == pytest.approx(np.array(chords), abs=1e-9)


def test_a_learned_curve_is_that_of_problems_whose_probes_have_similar_values() -> None:
    means = np.concatenate([np.full(30, 0.1), np.full(30, 0.9)])
    curves = np.concatenate([np.tile([0.0, 0.1, 0.2], (30, 1)), np.tile([0.8, 1.0, 1.0], (30, 1))])
    learned = LearnedCurves(means, curves)
    assert learned.predict(0.2).curve == pytest.approx((0.0, 0.1, 0.2))
    assert learned.predict(1.0).curve == pytest.approx((0.8, 1.0, 1.0))


def test_a_learned_curve_knows_nothing_beyond_its_samples() -> None:
    assert [*CurvePrediction((0.5, 0.7, 0.8)).gains()] == pytest.approx([0.2, 0.1])
    assert CurvePrediction((0.5, 0.7, 0.8)).after(9) == pytest.approx(0.8)


def test_values_of_probes_are_the_first_final_ones_and_0_without_an_answer() -> None:
    candidates = (
        CandidateRecord("…", "1", True, values=(0.2, 0.7)),
        CandidateRecord("…", None, False, values=(0.9,)),
        CandidateRecord("…", "1", True),
        CandidateRecord("…", "1", True, values=(0.1,)),
    )
    row = ProblemRecord("a", "1", True, {}, True, candidates)
    assert probe_values(row, 3, Aggregation.last) == (0.7, 0.0)
    assert probe_values(row, 1, Aggregation.min) == (0.2,)
