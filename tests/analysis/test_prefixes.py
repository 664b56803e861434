"""Accuracy by budget where the first samples are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.analysis.prefixes import weighted_by_budget
from ttc.analysis.subsample import subsampled
from ttc.selection import SelectionRule, choose
from ttc.types import Candidate, FinishReason, Problem, Trace

PROBLEM = Problem("p", "?", "0")
CLASSES = {str(number): number for number in range(9)}


def brute_force(groups: Sequence[int | None], scores: Sequence[float], right: int, kept: int, budget: int) -> float:
    """Average `choose` over all subsets of `budget` samples that contain the first `kept`."""
    trace = Trace(PROBLEM, finish=FinishReason.STOP)
    given = [
        Candidate(trace, (score,), answer=None if group is None else str(group))
        for group, score in zip(groups, scores, strict=True)
    ]
    first = given[: min(kept, budget)]
    grades = []
    for others in combinations(given[kept:], max(0, budget - kept)):
        chosen = choose([*first, *others], SelectionRule.weighted, classes=CLASSES)
        grades.append(chosen is not None and chosen.answer == str(right))
    return sum(grades) / len(grades)


GROUPS = [0, 1, None, 0, 2, 1]
SCORES = [0.3, 0.5, 0.9, 0.25, 0.7, math.nan]


@pytest.mark.parametrize("kept", [0, 1, 3, 6])
def test_accuracy_is_that_over_all_subsets_with_the_kept_samples(kept: int) -> None:
    correct = [group == 0 for group in GROUPS]
    found = weighted_by_budget(GROUPS, SCORES, correct, kept, orders=4000, seed=1)
    expected = [brute_force(GROUPS, SCORES, 0, kept, budget) for budget in range(1, 7)]
    assert found == pytest.approx(expected, abs=0.03)


@given(
    st.lists(
        st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from([0.0, 0.25, 0.5, math.nan])), min_size=1, max_size=7
    )
)
@settings(deadline=None, max_examples=60)
def test_with_all_samples_kept_the_result_is_that_of_choose_ties_included(
    samples: list[tuple[int | None, float]],
) -> None:
    groups, scores = [group for group, _ in samples], [score for _, score in samples]
    found = weighted_by_budget(groups, scores, [group == 1 for group in groups], len(samples), orders=1)
    assert [*found] == [brute_force(groups, scores, 1, len(samples), k) for k in range(1, len(samples) + 1)]


def test_with_no_sample_kept_the_result_is_that_of_unbiased_subsets() -> None:
    rng = np.random.default_rng(3)
    groups, scores = [int(group) for group in rng.integers(0, 4, 12)], [float(score) for score in rng.random(12)]
    correct = [group == 0 for group in groups]
    budgets = [*range(1, 13)]
    subsets = subsampled(groups, scores, correct, budgets, subsets=2000)["weighted"]
    assert weighted_by_budget(groups, scores, correct, 0, orders=4000) == pytest.approx(subsets, abs=0.05)


def test_only_the_budgets_asked_for_are_returned_and_they_are_the_same() -> None:
    correct = [group == 0 for group in GROUPS]
    few = weighted_by_budget(GROUPS, SCORES, correct, 1, most=3, orders=50)
    assert [*few] == [*weighted_by_budget(GROUPS, SCORES, correct, 1, orders=50)[:3]]


def test_without_an_answer_nothing_is_correct() -> None:
    assert [*weighted_by_budget([None, None], [0.5, 0.5], [False, False], 1)] == [0.0, 0.0]


def test_many_samples_are_worked_through_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = [group == 0 for group in GROUPS]
    whole = weighted_by_budget(GROUPS, SCORES, correct, 1, orders=50)
    monkeypatch.setattr("ttc.analysis.prefixes._CELLS", 7)
    assert [*weighted_by_budget(GROUPS, SCORES, correct, 1, orders=50)] == pytest.approx([*whole])
