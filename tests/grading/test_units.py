"""Units are compared only if that is asked for; an answer without a unit is then still accepted."""

from __future__ import annotations

import pytest

from ttc.grading.equivalence import equivalent, leave_undecided
from ttc.grading.parsing import parse_answer


def grade(answer: str, gold: str, *, units: bool) -> bool | None:
    return equivalent(parse_answer(answer), parse_answer(gold), leave_undecided, units=units)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("5 m", "5 km"), (r"5\text{ meters}", r"5\text{ km}"), (r"5\text{ cm}^2", r"5\text{ cm}"), ("5 cm^3",
        "5 cm^2"),
        (r"30\text{ radians}", r"30^\circ"), ("5 dollars", "5 apples"), ("5 euros", r"\$5"), (r"(5\text{ m}, 3)",
        r"(5\text{ km}, 3)"),
        (r"25\,\mathrm{m}/\mathrm{s}", "25 km/h"), ("3 m, 5 m", "3 m, 5 km"), ("9 pears", "9 (apples)"), ("20 °F",
        "20 °C"),
    ],
)  # fmt: skip
def test_another_unit_is_wrong_only_if_units_are_compared(answer: str, gold: str) -> None:
    assert grade(answer, gold, units=False) is True
    assert grade(answer, gold, units=True) is False


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("5", "5 km"), ("5 km", "5"), (r"5\text{ kilometers}", "5 km"), ("12 square centimeters", r"12\text{ cm}^2"),
        (r"25\,\mathrm{km}/\mathrm{h}", "25 kilometers per hour"), ("USD 5", r"\$5"), ("5 dollars", r"\$5"),
        ("9 apples", "9 (apples)"),
        ("30 degrees", r"30^\circ"), ("14 ounces", "14 (ounces of chocolate)"), ("64 (in total)", "64 pages"),
        ("5 km, 3 m", "3 m, 5 km"),
        ("€12", "12 euros"), ("1 foot", "1 ft"), ("15%", "15%"),
    ],
)  # fmt: skip
def test_the_same_unit_or_none_is_right(answer: str, gold: str) -> None:
    assert grade(answer, gold, units=True) is True


def test_the_units_of_matrices_are_compared_before_their_cells() -> None:
    gold, answer = r"\begin{pmatrix}2\\4\end{pmatrix}\text{ km}", r"2\begin{pmatrix}1\\2\end{pmatrix}\text{ m}"
    assert grade(answer, gold, units=True) is False
    assert grade(answer, gold, units=False) is None  # sympy multiplies


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("2m", "2"), ("2k", "2"), (r"3\text{x}", "3"), ("2 (abc)", "2"), (r"5\text{ or less}", "5"), ("10 more", "10"),
        ("2 xyz", "2"), ("12 million", "12"), (r"3\text{ each}", "3"),
    ],
)  # fmt: skip
def test_what_may_be_more_than_a_unit_is_kept(answer: str, number: str) -> None:
    assert grade(answer, number, units=False) is False
