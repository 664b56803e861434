"""The accuracy of every smaller budget is estimated from one run's samples."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from run_records import record

from ttc.analysis.subsample import budget_curve, pass_at_k, subsampled
from ttc.grading import classes_by_structure
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import SelectionRule, select
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

ESTIMATED = (SelectionRule.majority, SelectionRule.best, SelectionRule.weighted)  # hierarchical needs chains


def _answer(text: str | None, *values: float) -> Candidate:
    return Candidate(Trace(Problem("p", "?", "1"), (Step("", ()),), FinishReason.STOP), values, text)


def brute_force(keys: list[str | None], scores: list[float], correct: list[bool], k: int) -> dict[str, float]:
    """Return the mean grade of what `select` chooses from each subset of k samples."""
    grades = {key: grade for key, grade in zip(keys, correct, strict=True) if key is not None}
    subsets = list(combinations(range(len(keys)), k))
    totals = dict.fromkeys([*ESTIMATED, "oracle"], 0.0)
    for subset in subsets:
        candidates = [_answer(keys[i], *() if math.isnan(scores[i]) else (scores[i],)) for i in subset]
        for selection in ESTIMATED:
            chosen = select(candidates, selection)
            totals[selection] += chosen is not None and grades[chosen]
        totals["oracle"] += any(correct[i] for i in subset)
    return {str(name): total / len(subsets) for name, total in totals.items()}


# Scores are multiples of 1/8: their sums are exact, so ties do not depend on the order of addition.
KEYS = ["1", "2", None, "2", "3", "1", "4", "1", "2"]
CLASSES = classes_by_structure(key for key in KEYS if key is not None)
GROUPS = [None if key is None else CLASSES[key] for key in KEYS]
SCORES = [0.5, 0.75, 1.0, 0.125, 0.5, 0.25, math.nan, 0.0, 0.75]
CORRECT = [True, False, False, False, False, True, False, True, False]


def test_every_smaller_budget_agrees_with_selecting_from_every_subset() -> None:
    budgets = range(1, 10)
    found = subsampled(GROUPS, SCORES, CORRECT, budgets)
    for column, k in enumerate(budgets):
        expected = brute_force(KEYS, SCORES, CORRECT, k)
        assert {name: values[column] for name, values in found.items()} == pytest.approx(expected), k


def test_tied_scores_are_decided_as_in_selecting_from_every_subset() -> None:
    saturated = [1.0, 1.0, 1.0, 1.0, 0.5, 1.0, math.nan, 0.5, 1.0]
    found = subsampled(GROUPS, saturated, CORRECT, range(1, 10))
    for column, k in enumerate(range(1, 10)):
        expected = brute_force(KEYS, saturated, CORRECT, k)
        assert {name: values[column] for name, values in found.items()} == pytest.approx(expected), k


def test_the_stored_groups_count_not_the_spellings() -> None:
    spellings = [r"\sum_{k=1}^{3} k", r"6", r"\prod_{k=1}^{3} k", "5", "5"]
    stored = [CandidateRecord("", a, a != "5", group=int(a == "5")) for a in spellings]
    rows = [ProblemRecord("a", "x", True, {}, True, tuple(stored))]
    accuracy = budget_curve(rows, [5], resamples=10).set_index("selection").accuracy
    assert accuracy["majority"] == 1.0
    older = [replace(row, candidates=tuple(replace(c, group=None) for c in row.candidates)) for row in rows]
    assert budget_curve(older, [5], resamples=10).set_index("selection").accuracy["majority"] == 0.0


def test_random_subsets_approximate_the_exact_mean_and_depend_only_on_the_seed() -> None:
    exact = subsampled(GROUPS, SCORES, CORRECT, [4], subsets=200)
    draws = [subsampled(GROUPS, SCORES, CORRECT, [4], subsets=100, seed=seed) for seed in range(50)]
    for name in ("majority", "weighted"):
        assert np.mean([draw[name] for draw in draws]) == pytest.approx(exact[name][0], abs=0.02)
    again = subsampled(GROUPS, SCORES, CORRECT, [4], subsets=100, seed=7)
    assert again["majority"] == draws[7]["majority"]
    assert len({float(draw["majority"][0]) for draw in draws}) > 5


def test_pass_at_k_is_the_probability_of_at_least_one_correct_sample() -> None:
    assert pass_at_k(10, 3, [1, 2, 8]) == pytest.approx([0.3, 1 - (7 * 6) / (10 * 9), 1.0])
    assert pass_at_k(2048, 0, [1, 256]) == pytest.approx([0, 0])


def test_samples_may_lack_answers_or_scores() -> None:
    unanswered = subsampled([None, None], [0.5, 0.5], [False, False], [1, 2])
    assert all(not values.any() for values in unanswered.values())
    assert set(subsampled([1, 2], None, [True, False], [1, 2])) == {"majority", "oracle"}


@pytest.mark.parametrize("budget", [0, 10])
def test_a_budget_outside_1_to_n_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=r"1 \.\. 9"):
        subsampled(GROUPS, SCORES, CORRECT, [budget])


def test_the_curve_ends_at_the_accuracy_of_the_whole_run() -> None:
    rows = [record(f"p{i}", {}, share=i / 4) for i in range(5)]
    table = budget_curve(rows, [1, 4])
    start = table[table.budget == 1].set_index("selection").accuracy
    assert all(value == pytest.approx(0.5) for value in start)
    end = table[table.budget == 4].set_index("selection").accuracy
    assert end["oracle"] == pytest.approx(0.8)
    tied = select([*map(_answer, "1122")], SelectionRule.majority) == "1"
    assert end["majority"] == pytest.approx(0.4 + 0.2 * tied)  # of the problem with two of four correct
    assert set(table.n) == {5}


def test_a_problem_with_fewer_samples_than_a_budget_is_refused() -> None:
    rows = [record("a", {}), record("b", {})]
    with pytest.raises(ValueError, match=r"1 \.\. 4, the number of samples"):
        budget_curve(rows, [1, 8])


def test_50_problems_of_64_samples_take_less_than_5_seconds() -> None:
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(50):
        groups = [int(group) for group in rng.integers(0, 12, 64)]
        subsampled(groups, list(rng.random(64)), [group == 0 for group in groups], [1, 2, 4, 8, 16, 32, 64])
    assert time.perf_counter() - start < 5
