"""A strategy is chosen on some problems of a bin and measured on the others."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.analysis.cross_validation import best_option, cross_validated_choices, measured
from ttc.errors import UserError


def random_outcomes(options: int, problems: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (options, problems)).astype(float)


@given(st.integers(0, 10_000), st.integers(0, 23))
def test_flipping_a_problems_outcomes_changes_no_choice_that_it_is_measured_by(seed: int, problem: int) -> None:
    outcomes, bins = random_outcomes(3, 24, seed), np.arange(24) % 3
    flipped = outcomes.copy()
    flipped[:, problem] = 1 - flipped[:, problem]
    before, after = (cross_validated_choices(values, bins, splits=5) for values in (outcomes, flipped))
    assert (before[:, problem] == after[:, problem]).all()


def test_flipping_many_outcomes_does_change_choices_of_other_problems() -> None:
    outcomes, bins = np.array([[1.0] * 8, [0.0] * 8]), np.zeros(8, dtype=np.int64)
    assert (cross_validated_choices(outcomes, bins) == 0).all()
    assert (cross_validated_choices(1 - outcomes, bins) == 1).all()


@given(st.integers(0, 10_000))
def test_without_ties_a_choice_depends_on_the_problems_of_its_own_bin_only(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes, bins = rng.random((3, 20)), np.repeat([1, 2], 10)
    others = outcomes.copy()
    others[:, bins == 2] = rng.random((3, 10))
    before, after = (cross_validated_choices(values, bins, splits=4) for values in (outcomes, others))
    assert (before[:, bins == 1] == after[:, bins == 1]).all()


def test_every_choice_is_the_best_of_the_other_half() -> None:
    outcomes, bins = random_outcomes(4, 12, 3), np.zeros(12, dtype=np.int64)
    halves = {}
    for half in itertools.combinations(range(12), 6):
        rest = [place for place in range(12) if place not in half]
        halves[frozenset(half)] = best_option(outcomes[:, rest], outcomes[:, rest].sum(axis=1))
    for choices in cross_validated_choices(outcomes, bins, splits=20):
        assert any(
            all(choices[list(half)] == option)
            and all(choices[[p for p in range(12) if p not in half]] == halves[frozenset(range(12)) - half])
            for half, option in halves.items()
        )


def test_the_splits_are_reproducible_and_differ_by_seed() -> None:
    outcomes, bins = random_outcomes(5, 40, 0), np.zeros(40, dtype=np.int64)
    first, again, other = (cross_validated_choices(outcomes, bins, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_of_equal_options_the_one_that_is_best_elsewhere_is_chosen_and_then_the_first() -> None:
    for outcomes in ([[0.1 + 0.2, 0.0], [0.3, 0.0]], [[0.3, 0.0], [0.1 + 0.2, 0.0]]):  # equal but for rounding
        assert best_option(np.array(outcomes), np.array([1.0, 2.0])) == 1
        assert best_option(np.array(outcomes), np.array([2.0, 1.0])) == 0
        assert best_option(np.array(outcomes), np.array([0.3, 0.1 + 0.2])) == 0
    assert best_option(np.array([[0.2], [0.3], [0.3]]), np.array([9.0, 1.0, 2.0])) == 2


@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_the_options_changes_no_choice(seed: int, order: list[int]) -> None:
    bins = np.arange(24) % 2
    outcomes = random_outcomes(4, 24, seed)
    outcomes[:, bins == 0] = 1.0  # an easy bin: all options tie
    outcomes += np.arange(4)[:, None] * np.where(bins == 1, 0.001, 0.0)  # and elsewhere none does
    before, after = (cross_validated_choices(values, bins, splits=5) for values in (outcomes, outcomes[order]))
    assert (before == np.array(order)[after]).all()


def test_a_problem_is_measured_by_the_mean_over_splits_of_what_was_chosen_for_it() -> None:
    values = np.array([[1.0, 0.0], [0.0, 0.5]])
    assert measured(values, np.array([[0, 0], [1, 1], [0, 1], [0, 0]])).tolist() == [0.75, 0.25]


def test_cross_validation_on_noise_gains_nothing() -> None:
    rng = np.random.default_rng(0)
    gains = []
    for trial in range(40):
        outcomes = (rng.random((6, 100)) < 0.5).astype(float)
        choices = cross_validated_choices(outcomes, np.arange(100) % 5, splits=10, seed=trial)
        gains.append(measured(outcomes, choices).mean() - outcomes.mean())
    assert abs(np.mean(gains)) < 3 * np.std(gains) / len(gains) ** 0.5


@pytest.mark.parametrize("problems", [1, 2, 3])
def test_a_bin_with_too_few_problems_is_one_clear_line(problems: int) -> None:
    bins = np.array([1] * 10 + [2] * problems)
    with pytest.raises(UserError, match=rf"^bin 2 has {problems} problems?: cross-validation needs at least 4"):
        cross_validated_choices(random_outcomes(2, len(bins), 0), bins)
