"""grader=exact compares texts but for their spelling."""

from __future__ import annotations

import pytest

from ttc.grading.exact import ExactGrader


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        *(
            ("Paris", "paris"),
            (" New\n York. ", "new york"),
            (r"\text{Yes}", "yes"),
            ("$x^2$", "x^2"),
            ("**No**", "No"),
        ),
        *((r"$\text{Yes.}$", "yes"), ('"to be"', "to be")),
    ],
)
def test_spellings_of_one_text_are_equal(answer: str, gold: str) -> None:
    assert ExactGrader().is_correct(answer, gold)


@pytest.mark.parametrize(("answer", "gold"), [("1.0", "1"), ("Paris, France", "Paris"), ("", "a"), ("1/2", "0.5")])
def test_other_texts_are_not_even_if_they_mean_the_same(answer: str, gold: str) -> None:
    assert not ExactGrader().is_correct(answer, gold)


def test_capital_letters_count_on_request() -> None:
    assert not ExactGrader(ignore_case=False).is_correct("paris", "Paris")


def test_spellings_share_a_vote() -> None:
    classes = ExactGrader().votes(["Yes", "yes.", "no", "yes"])
    assert classes["Yes"] == classes["yes."] == classes["yes"] != classes["no"]
    assert classes == ExactGrader().votes(["no", "yes", "yes.", "Yes"])
