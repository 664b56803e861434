"""Gold answers: read out of worked solutions, or from lists; what would make every answer wrong is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ttc.data.datasets import TabularDataset
from ttc.data.golds import AnswerReading, SeveralAnswers
from ttc.errors import UserError
from ttc.grading import Grader

BOXED = r"Six times four is twenty-four, so the answer is \boxed{24}."
SILENT = "Six times four is twenty-four."
RAMBLING = "She sells 16 eggs each day. She eats three of them for breakfast. Four go into the muffins. " * 3


def dataset(directory: Path, answers: list[Any], **settings: Any) -> TabularDataset:
    rows = [{"problem": f"{number}?", "solution": answer} for number, answer in enumerate(answers)]
    path = directory / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return TabularDataset(path=str(path), answer_field="solution", **settings)


def test_the_last_box_of_a_worked_solution_is_its_answer(tmp_path: Path) -> None:
    [problem] = dataset(tmp_path, [r"First \boxed{5} by mistake, which is wrong. Then \boxed{\frac{1}{2}}."]).read()
    assert problem.gold == r"\frac{1}{2}"


def test_a_solution_without_an_answer_among_others_with_one_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.jsonl:3: field 'solution' is a worked solution that states no answer"):
        dataset(tmp_path, [BOXED, BOXED, SILENT]).read()


def test_a_plain_answer_among_solutions_is_an_answer(tmp_path: Path) -> None:
    assert [p.gold for p in dataset(tmp_path, [BOXED, BOXED, "24", r"3\sqrt{2} + 1"]).read()] == [
        *("24", "24", "24"),
        r"3\sqrt{2} + 1",
    ]


def test_one_long_solution_without_an_answer_among_plain_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.jsonl:2: .* set data\.answer_reading=verbatim"):
        dataset(tmp_path, ["1", RAMBLING, "2"]).read()


def test_words_are_answers_where_the_field_has_no_solutions(tmp_path: Path) -> None:
    words = "the set of all even numbers"
    assert [p.gold for p in dataset(tmp_path, [words, "2"]).read()] == [words, "2"]


def test_with_reading_by_solution_every_row_must_state_its_answer(tmp_path: Path) -> None:
    solution = AnswerReading.solution
    assert dataset(tmp_path, [BOXED], answer_reading=solution).read()[0].gold == "24"
    with pytest.raises(UserError, match=r"p\.jsonl:2: field 'solution' states no answer .* data\.answer_reading=auto"):
        dataset(tmp_path, [BOXED, "24"], answer_reading=solution).read()


def test_a_marker_and_a_reading_exclude_each_other() -> None:
    with pytest.raises(UserError, match=r"data\.answer_reading=verbatim: .* data\.answer_marker=####"):
        TabularDataset(answer_marker="####", answer_reading=AnswerReading.verbatim)


def test_all_of_a_list_of_answers_are_needed_in_any_order(tmp_path: Path) -> None:
    [problem] = dataset(tmp_path, [["1", r"\boxed{2}"]], several_answers=SeveralAnswers.all).read()
    assert (problem.gold, problem.alternatives) == ("1, 2", ())
    with Grader() as grader:
        assert grader.grade([("2, 1", problem.gold), ("1", problem.gold), ("1, 2, 3", problem.gold)]) == [
            *(True, False, False)
        ]


def test_any_of_a_list_of_answers_suffices(tmp_path: Path) -> None:
    [problem] = dataset(tmp_path, [["a dozen", "12", "12"]], several_answers=SeveralAnswers.any).read()
    assert (problem.gold, problem.alternatives) == ("a dozen", ("12",))


@pytest.mark.parametrize("several", [SeveralAnswers.all, SeveralAnswers.any])
@pytest.mark.parametrize("answers", [[], ["1", None], ["1", ["2"]], ["1", True]])
def test_a_list_with_something_that_is_no_answer_is_refused(
    tmp_path: Path, several: SeveralAnswers, answers: list[Any]
) -> None:
    with pytest.raises(UserError, match=r"p\.jsonl:1: field 'solution'"):
        dataset(tmp_path, [answers], several_answers=several).read()
