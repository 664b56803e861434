"""P-values of paired differences, against brute force and textbook values."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from ttc.analysis.significance import FLIPS, holm, paired_p_value, sign_flip_p_value


def by_brute_force(differences: list[float]) -> float:
    observed = abs(sum(differences)) - 1e-9
    patterns = [*product((-1, 1), repeat=len(differences))]
    extreme = [signs for signs in patterns if abs(np.dot(signs, differences)) >= observed]
    return len(extreme) / len(patterns)


@pytest.mark.parametrize("seed", range(5))
def test_few_problems_are_tested_exactly(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.3, 1, size=9).round(2).tolist()
    assert sign_flip_p_value(differences) == by_brute_force(differences)


def test_single_runs_are_tested_as_by_mcnemar() -> None:
    better, worse = 9, 2
    expected = 2 * sum(comb(11, k) for k in range(worse + 1)) / 2**11
    assert sign_flip_p_value([1.0] * better + [-1.0] * worse + [0.0] * 80) == pytest.approx(expected)


def test_many_problems_are_tested_by_seeded_flips_near_the_exact_value() -> None:
    better, worse = 24, 12
    differences = [1.0] * better + [-1.0] * worse
    exact = 2 * sum(comb(36, k) for k in range(worse + 1)) / 2**36
    found = sign_flip_p_value(differences)
    assert found == sign_flip_p_value(differences)
    assert found == pytest.approx(exact, abs=4 * (exact / FLIPS) ** 0.5)
    assert sign_flip_p_value(differences, seed=1) != found


def test_a_p_value_from_random_flips_is_never_zero() -> None:
    assert sign_flip_p_value([1.0] * 400) == 1 / (1 + FLIPS)


def test_no_difference_at_all_has_p_1() -> None:
    assert sign_flip_p_value([0.0, 1e-12, -1e-12]) == 1.0
    assert sign_flip_p_value([1.0] * 20 + [-1.0] * 20) == 1.0


def test_p_values_are_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(3)
    values = [sign_flip_p_value(rng.normal(size=40), flips=400, seed=n) for n in range(400)]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(values) <= level) == pytest.approx(level, abs=4 * (level * (1 - level) / 400) ** 0.5)


def test_the_seeds_of_a_problem_flip_together() -> None:
    a = {f"p{n}": float(n % 3 > 0) for n in range(12)}
    b = {f"p{n}": float(n % 2) for n in range(12)}
    once = paired_p_value(a, b)
    assert paired_p_value([a, a, a], [b, b, b]) == once  # more seeds, but no more problems
    assert paired_p_value(dict(reversed(a.items())), b | {"other": 1.0}) == once
    with pytest.raises(ValueError, match="share no problem"):
        paired_p_value(a, {"q": 1.0})


def test_holms_correction_of_a_known_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == [0.2]
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holms_correction_rarely_finds_a_difference_among_many_that_are_none() -> None:
    p_values = np.random.default_rng(4).random((2000, 10))
    false = np.mean([min(holm(row.tolist())) < 0.05 for row in p_values])
    assert 0.03 <= false <= 0.065
    assert np.mean(p_values.min(axis=1) < 0.05) > 0.35  # without it
