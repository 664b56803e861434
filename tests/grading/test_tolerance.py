"""grader=numeric accepts numbers that are close to the gold number."""

from __future__ import annotations

import math

import pytest

from ttc.errors import UserError
from ttc.grading.tolerance import NumericGrader, number_of
from ttc.types import Problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("9 (apples)", 9), ("1,200", 1200), (r"\frac{3}{4}", 0.75), (r"2\sqrt{3}", 2 * math.sqrt(3))),
        *((r"3 \times 10^{8} \text{ m/s}", 3e8), ("-2.5e-12 J", -2.5e-12), ("x=5", 5), ("$4.50", 4.5), ("15\\%", 15)),
    ],
)
def test_a_number_is_read_in_any_notation(text: str, value: float) -> None:
    number = number_of(text)
    assert number is not None and float(number.value) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["abc", "1,2", "i", r"\infty", "9^{9^{9^9}}", "", "(1,2)", "x+1"])
def test_anything_else_is_no_number(text: str) -> None:
    assert number_of(text) is None


def test_the_larger_tolerance_decides() -> None:
    grader = NumericGrader(relative=0.01, absolute=0.5)
    assert grader.is_correct("101", "100") and not grader.is_correct("101.01", "100")
    assert grader.is_correct("1.5", "1") and not grader.is_correct("1.51", "1")
    assert grader.is_correct("-0.5", "0")


def test_without_tolerance_numbers_must_be_equal() -> None:
    grader = NumericGrader(relative=0)
    assert grader.is_correct("9", "9 (apples)") and grader.is_correct("0.5", r"\frac12")
    assert not grader.is_correct("9.0000001", "9")


def test_a_percentage_is_also_its_share() -> None:
    grader = NumericGrader()
    assert (
        grader.is_correct("15\\%", "0.15") and grader.is_correct("15", "15\\%") and grader.is_correct("0.15", "15\\%")
    )
    assert not grader.is_correct("15", "0.15")


def test_votes_join_the_most_frequent_value_that_would_accept_them() -> None:
    grader = NumericGrader(relative=0, absolute=1)
    answers = ["10", "10.0", "11", "11.5", "9.5", "none"]
    classes = grader.votes(answers)
    assert classes["10"] == classes["10.0"] == classes["11"] == classes["9.5"]
    assert len({classes["10"], classes["11.5"], classes["none"]}) == 3
    assert classes == grader.votes(answers[::-1])


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["relative", "absolute"])
def test_an_impossible_tolerance_is_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"grader\.{name}={value}: must be a number that is not negative"):
        NumericGrader(**{name: value}).check()


def test_a_gold_that_is_no_number_is_refused_before_a_run() -> None:
    with pytest.raises(
        UserError, match=r"NumericGrader: the gold answer of problem 'p' is 'yes', which is not a number"
    ):
        NumericGrader().check_problems([Problem("p", "?", "1", alternatives=("yes",))])
