"""grader=choice reads the letter of an option, however a solution states it."""

from __future__ import annotations

import pytest

from ttc.errors import UserError
from ttc.grading.choice import ChoiceGrader
from ttc.types import Problem


@pytest.mark.parametrize(
    "text",
    [
        *("The answer is (B).", "The answer is B", "Answer: B. Paris", "Answer: b", "the answer is option B"),
        *(r"\boxed{B}", r"\boxed{\text{(B)}}", r"so \boxed{\textbf{(B) }5}", r"\boxed{B) 12}", "Final Answer: $B$"),
        *("Therefore the answer is B, because A is too large.", "I would say\n(B)", "I would say\n**B**\n"),
        *("The correct option is **B**: Paris", "<think>The answer is (A).</think>The answer is (B)."),
    ],
)
def test_a_letter_is_read(text: str) -> None:
    assert ChoiceGrader().extract(text) == "B"


@pytest.mark.parametrize(
    "text",
    ["The answer is A dog", "The answer is Apple", r"\boxed{42}", "A and B", "", "Because\nBob did", r"\boxed{}"],
)
def test_an_answer_in_other_words_states_no_letter(text: str) -> None:
    assert ChoiceGrader().extract(text) is None


def test_letters_are_graded_and_counted_in_any_spelling() -> None:
    grader = ChoiceGrader()
    with grader.open(1.0, workers=1) as grading:
        assert grading.grade([("B", "(b)"), ("C", "B"), (None, "B")]) == [True, False, False]
        classes = grading.classes(["B", "(b)", "C"])
    assert classes["B"] == classes["(b)"] != classes["C"]


def test_a_gold_that_is_no_letter_is_refused_before_a_run() -> None:
    grader = ChoiceGrader()
    grader.check_problems([Problem("p1", "?", "(C)")])
    with pytest.raises(UserError, match=r"ChoiceGrader: the gold answer of problem 'p2' is 'Paris', which is not the"):
        grader.check_problems([Problem("p2", "?", "Paris")])
