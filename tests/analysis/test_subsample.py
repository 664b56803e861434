"""One run's samples tell the accuracy of every smaller budget."""

from __future__ import annotations

import math
import time
from itertools import combinations

import numpy as np
import pytest
from run_records import record, records

from ttc.analysis.accuracy import summarize
from ttc.analysis.subsample import budget_curve, pass_at_k, subsampled
from ttc.analysis.tables import run_table
from ttc.selection import SelectionRule, select
from ttc.types import Candidate, FinishReason, Problem, Step, Trace

ESTIMATED = (SelectionRule.majority, SelectionRule.best, SelectionRule.weighted)  # independent samples make no chains


def brute_force(keys: list[str | None], scores: list[float], correct: list[bool], k: int) -> dict[str, float]:
    """Ask `select` about every subset of k samples."""
    trace = Trace(Problem("p", "?", "1"), (Step("", ()),), FinishReason.STOP)
    right = {key: flag for key, flag in zip(keys, correct, strict=True) if key is not None}
    subsets = list(combinations(range(len(keys)), k))
    totals = dict.fromkeys([*ESTIMATED, "oracle"], 0.0)
    for subset in subsets:
        candidates = [Candidate(trace, () if math.isnan(scores[i]) else (scores[i],), keys[i]) for i in subset]
        for selection in ESTIMATED:
            chosen = select(candidates, selection)
            totals[selection] += chosen is not None and right[chosen]
        totals["oracle"] += any(correct[i] for i in subset)
    return {str(name): total / len(subsets) for name, total in totals.items()}


# Scores are eighths: their sums are exact, so ties are ties in either order of addition.
KEYS = ["1", "2", None, "2", "3", "1", "4", "1", "2"]
SCORES = [0.5, 0.75, 1.0, 0.125, 0.5, 0.25, math.nan, 0.0, 0.75]
CORRECT = [True, False, False, False, False, True, False, True, False]


def test_every_smaller_budget_agrees_with_selecting_from_every_subset() -> None:
    budgets = range(1, 10)
    found = subsampled(KEYS, SCORES, CORRECT, budgets)
    for column, k in enumerate(budgets):
        expected = brute_force(KEYS, SCORES, CORRECT, k)
        assert {name: values[column] for name, values in found.items()} == pytest.approx(expected), k


def test_random_subsets_come_close_to_all_of_them_and_depend_on_the_seed_alone() -> None:
    exact = subsampled(KEYS, SCORES, CORRECT, [4], subsets=200)
    draws = [subsampled(KEYS, SCORES, CORRECT, [4], subsets=100, seed=seed) for seed in range(50)]
    for name in ("majority", "weighted"):
        assert np.mean([draw[name] for draw in draws]) == pytest.approx(exact[name][0], abs=0.02)
    again = subsampled(KEYS, SCORES, CORRECT, [4], subsets=100, seed=7)
    assert again["majority"] == draws[7]["majority"]
    assert len({float(draw["majority"][0]) for draw in draws}) > 5


def test_pass_at_k_is_the_chance_of_any_correct_sample() -> None:
    assert pass_at_k(10, 3, [1, 2, 8]) == pytest.approx([0.3, 1 - (7 * 6) / (10 * 9), 1.0])
    assert pass_at_k(2048, 0, [1, 256]) == pytest.approx([0, 0])


def test_samples_without_answers_or_scores_are_no_error() -> None:
    nothing = subsampled([None, None], [0.5, 0.5], [False, False], [1, 2])
    assert all(not values.any() for values in nothing.values())
    assert set(subsampled(["1", "2"], None, [True, False], [1, 2])) == {"majority", "oracle"}


@pytest.mark.parametrize("budget", [0, 10])
def test_a_budget_beyond_the_samples_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=r"1 \.\. 9"):
        subsampled(KEYS, SCORES, CORRECT, [budget])


def test_the_curve_ends_at_what_the_whole_run_selected() -> None:
    rows = [record(f"p{i}", {}, share=i / 4) for i in range(5)]
    table = budget_curve(rows, [1, 4])
    start = table[table.budget == 1].set_index("selection").accuracy
    assert all(value == pytest.approx(0.5) for value in start)
    end = table[table.budget == 4].set_index("selection").accuracy
    assert end["oracle"] == pytest.approx(0.8)
    assert end["majority"] == pytest.approx(0.6)  # two of four: the right answer was seen first
    assert set(table.n) == {5}


def test_500_problems_of_64_samples_take_seconds_not_minutes() -> None:
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(50):
        keys = [str(key) for key in rng.integers(0, 12, 64)]
        subsampled(keys, list(rng.random(64)), [key == "0" for key in keys], [1, 2, 4, 8, 16, 32, 64])
    assert time.perf_counter() - start < 5


def test_a_run_of_independent_samples_tells_every_smaller_budget() -> None:
    table = run_table(records(), independent=True)
    rows = table[table["kind"] == "budget"]
    assert list(rows["group"].unique()) == ["1", "2"]  # below the 4 samples that the records have
    one = rows[rows["group"] == "1"].set_index("selection")["accuracy"]
    assert one["oracle"] == pytest.approx(np.mean([record.pass1 for record in records()]))
    assert summarize(table, "weighted")["by_budget"]["2"]["n"] == 4
    assert "budget" not in set(run_table(records(), independent=False)["kind"])
