"""What all graders share: a class of another package needs one method, and names and configs bring graders back."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from ttc.errors import UserError
from ttc.grading import AnswerGrader, MathGrader, grade_against_any, grader_config
from ttc.grading.loading import GRADERS, load_grader, named_grader
from ttc.grading.tolerance import NumericGrader
from ttc.types import Problem


@dataclass
class Suffix(AnswerGrader):
    """Accepts what ends as the gold answer does."""

    characters: int = 1

    def is_correct(self, answer: str, gold: str) -> bool:
        return answer[-self.characters :] == gold[-self.characters :]


PATH = f"{Suffix.__module__}.Suffix"


def test_a_class_with_one_method_grades_extracts_and_counts_votes() -> None:
    grader = Suffix()
    grader.check()
    grader.check_problems([Problem("p", "?", "anything")])
    assert grader.extract(r"so \boxed{17}") == "17"
    with grader.open(1.0, workers=1) as grading:
        assert grading.grade([("17", "7"), ("17", "8"), (None, "7")]) == [True, False, False]
        classes = grading.classes(["17", "27", "17"])
    assert classes["17"] != classes["27"]


def test_an_answer_is_right_if_it_is_right_for_any_gold() -> None:
    with Suffix().open(1.0, workers=1) as grading:
        golds = [("17", ["8", "7"]), ("17", ["8"]), (None, ["7"]), ("5", ["5"])]
        assert grade_against_any(grading, golds) == [True, False, False, True]


def test_the_math_grader_grades_one_answer_or_many() -> None:
    grader = MathGrader()
    assert grader.is_correct(r"\frac12", "0.5") and not grader.is_correct("1", "2")
    assert grader.gold(r"It is \boxed{4}.") == "4"
    assert grader.is_likely_correct("0.5", r"\frac12") and not grader.is_likely_correct("1", "2")


@pytest.mark.parametrize("name", GRADERS)
def test_a_grader_comes_back_from_its_config_and_its_name(name: str) -> None:
    grader = named_grader(name, "--grader")
    assert load_grader(grader_config(grader), "summary.json") == grader
    assert type(grader) is GRADERS[name]


def test_settings_and_classes_of_other_packages_come_back_too() -> None:
    for grader in (NumericGrader(relative=0.25), Suffix(characters=3)):
        assert load_grader(grader_config(grader), "summary.json") == grader
    assert named_grader(PATH, "--grader") == Suffix()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"_target_": "os.system"}, "summary.json: _target_=os.system: must be a subclass of"),
        ({"_target_": PATH, "letters": 2}, "summary.json: Suffix has no setting letters; use characters."),
        ({"_target_": PATH, "characters": "x"}, "summary.json: Suffix: "),
        ({}, "summary.json: _target_=None: must be a dotted path"),
    ],
)
def test_a_config_that_makes_no_grader_is_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as error:
        load_grader(config, "summary.json")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="--grader maths: is not known; use math, exact, numeric, choice, unit_tests"):
        named_grader("maths", "--grader maths")


@pytest.mark.parametrize(
    "text", ["$" * 200_000, "(" * 200_000, "**" * 100_000, "```" + "a" * 200_000 + "`", " \t" * 99_999]
)
def test_hostile_texts_are_read_in_little_time(text: str) -> None:
    started_at = time.process_time()
    for grader in (GRADERS[name]() for name in ("exact", "choice", "numeric", "unit_tests")):
        answer = grader.extract(f"The answer is {text}") or text
        grader.votes([answer, text])
        grader.extract(text)
    assert time.process_time() - started_at < 5
