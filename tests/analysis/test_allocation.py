"""One total budget is divided among problems."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.analysis.allocation import allocated, learned_from, outcomes_at, predicted_mean, predictions_of
from ttc.analysis.marginal_gain import BetaPrediction, BetaPrior, CurvePrediction, Prediction, concave_majorant
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import Aggregation


def best_by_brute_force(predictions: Mapping[str, Prediction], total: int, probes: int, most: int) -> float:
    spare = (total - probes) * len(predictions)
    return max(
        math.fsum(one.after(extra) for one, extra in zip(predictions.values(), extras, strict=True))
        for extras in product(range(most - probes + 1), repeat=len(predictions))
        if sum(extras) <= spare
    )


def problems(*shares: float, samples: int = 8) -> list[ProblemRecord]:
    """Return problems with about these shares of correct samples; correct ones have higher values."""
    rng = np.random.default_rng(0)
    return [
        ProblemRecord(
            f"p{number}", "1", True, {}, True, [sample(right, share) for right in rng.random(samples) < share]
        )
        for number, share in enumerate(shares)
    ]


def sample(right: bool, share: float) -> CandidateRecord:
    value = share**0.5 if right else share
    return CandidateRecord("…", "1" if right else "2", bool(right), values=(float(value),), group=0 if right else 1)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=3, max_size=3),
    st.floats(0.1, 5),
    st.floats(0.1, 5),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=40)
def test_no_other_division_has_a_larger_predicted_coverage(
    probes: list[list[float]], a: float, b: float, total: int
) -> None:
    predictions = {str(i): BetaPrediction(BetaPrior(a, b), tuple(values)) for i, values in enumerate(probes)}
    budgets = allocated(predictions, total, probes=1, most=6)
    found = math.fsum(predictions[id_].after(budget - 1) for id_, budget in budgets.items())
    assert found == pytest.approx(best_by_brute_force(predictions, total, 1, 6))


@given(st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5), min_size=3, max_size=3), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_no_other_division_has_a_larger_predicted_accuracy_on_learned_curves(
    curves: list[list[float]], total: int
) -> None:
    predictions = {
        str(i): CurvePrediction(tuple(map(float, concave_majorant(np.array(curve))))) for i, curve in enumerate(curves)
    }
    budgets = allocated(predictions, total, probes=1)
    found = 3 * predicted_mean(predictions, budgets, 1)
    assert found == pytest.approx(best_by_brute_force(predictions, total, 1, 5))


def test_the_budgets_sum_to_the_total_of_all_problems() -> None:
    predictions = {str(i): BetaPrediction(BetaPrior(0.5, 0.5), (i / 10,)) for i in range(11)}
    budgets = allocated(predictions, 7, probes=1)
    assert sum(budgets.values()) == 77
    assert min(budgets.values()) == budgets["10"] == 1  # whose probe is surely correct
    assert budgets["0"] == max(budgets.values())


def test_a_total_of_the_probes_alone_is_uniform() -> None:
    predictions = {str(i): BetaPrediction(BetaPrior(1, 1), (i / 2, 0.5)) for i in range(3)}
    assert allocated(predictions, 2, probes=2) == {"0": 2, "1": 2, "2": 2}


def test_a_problem_gets_no_more_than_the_maximum() -> None:
    predictions = {"hard": BetaPrediction(BetaPrior(1, 1), (0.0,)), "easy": BetaPrediction(BetaPrior(1, 1), (0.99,))}
    assert allocated(predictions, 4, probes=1, most=5) == {"hard": 5, "easy": 3}
    assert allocated(predictions, 9, probes=1, most=5) == {"hard": 5, "easy": 5}


def test_equal_problems_get_equal_budgets_and_the_remainder_does_not_depend_on_their_order() -> None:
    names = ["a", "b", "c", "d", "e"]
    prior = BetaPrior(1, 1)
    predictions = {id_: BetaPrediction(prior, (0.2,)) for id_ in names} | {"done": BetaPrediction(prior, (1.0,))}
    budgets = allocated(predictions, 3, probes=1)  # 12 to divide among five
    assert {budgets[id_] for id_ in names} == {3, 4}
    backwards = {id_: predictions[id_] for id_ in reversed(predictions)}
    assert allocated(backwards, 3, probes=1) == budgets


def test_gold_answers_do_not_reach_the_predictions() -> None:
    rows = problems(0.1, 0.5, 0.9)
    flipped = [
        replace(row, gold="2", candidates=[replace(one, correct=not one.correct) for one in row.candidates])
        for row in rows
    ]
    assert predictions_of(rows, 2, Aggregation.last) == predictions_of(flipped, 2, Aggregation.last)


def test_samples_behind_the_probes_do_not_reach_the_predictions() -> None:
    rows = problems(0.1, 0.5, 0.9)
    cut = [replace(row, candidates=row.candidates[:2]) for row in rows]
    assert predictions_of(rows, 2, Aggregation.last) == predictions_of(cut, 2, Aggregation.last)


def test_learned_curves_spend_where_accuracy_grew_on_other_problems() -> None:
    others = problems(*[0.0, 0.5, 1.0] * 30, samples=16)
    learned = learned_from(others, 1, Aggregation.last, 16)
    predictions = predictions_of(problems(0.0, 0.5, 1.0), 1, Aggregation.last, learned)
    never, sometimes, always = allocated(predictions, 4, probes=1).values()
    assert sometimes > max(never, always)


def test_outcomes_are_read_at_the_budget_of_each_problem() -> None:
    curves = {"a": np.array([0.1, 0.2, 0.3]), "b": np.array([0.5, 0.6, 0.7])}
    assert outcomes_at(curves, {"a": 3, "b": 1}) == {"a": 0.3, "b": 0.5}
