"""Multiple choice: options are lettered in an order of the problem's own, and the gold answer is a letter."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ttc.data.multiple_choice import INSTRUCTION, ChoiceDataset
from ttc.errors import UserError


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": number, "problem": f"What is {number}+1?", "answer": number + 1, "wrong": [0, 0.5], **changes}


def dataset(directory: Path, rows: list[dict[str, Any]], **settings: Any) -> ChoiceDataset:
    path = directory / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ChoiceDataset(path=str(path), **{"incorrect_fields": ["wrong"], **settings})


def test_the_letter_of_the_correct_option_is_the_gold(tmp_path: Path) -> None:
    for problem in dataset(tmp_path, [row(number) for number in range(1, 30)]).read():
        question, options, instruction = problem.question.split("\n\n")
        assert question == f"What is {problem.id}+1?" and instruction == INSTRUCTION
        lettered = dict(line.split(" ", 1) for line in options.splitlines())
        assert list(lettered) == ["(A)", "(B)", "(C)"]
        assert lettered[f"({problem.gold})"] == str(int(problem.id) + 1)


def test_the_correct_option_is_at_every_letter_about_as_often(tmp_path: Path) -> None:
    golds = Counter(problem.gold for problem in dataset(tmp_path, [row(number) for number in range(1, 301)]).read())
    assert set(golds) == {"A", "B", "C"}
    assert min(golds.values()) > 70


def test_the_order_depends_on_the_seed_and_the_id_and_not_on_the_other_rows(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 20)]
    forward = dataset(tmp_path, rows).read()
    assert {p.id: p for p in dataset(tmp_path, rows[::-1]).read()} == {p.id: p for p in forward}
    assert [p.gold for p in dataset(tmp_path, rows, seed=1).read()] != [p.gold for p in forward]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wrong": ["2", " 2"]}, "two of its 3 options are the same"),
        ({"wrong": [str(number) for number in range(30, 60)]}, "a question must have 2 to 26 options, not 31"),
        ({"wrong": []}, "a question must have 2 to 26 options, not 1"),
        ({"wrong": None}, "field 'wrong' is empty"),
        ({"wrong": [{}]}, "must be text or a number"),
        ({"answer": ["2", "3"]}, "a list of 2 answers"),
    ],
)
def test_options_that_cannot_be_lettered_are_refused_with_their_place(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as error:
        dataset(tmp_path, [row(1, **changes)]).read()
    assert "p.jsonl:1" in str(error.value) and words in str(error.value)


def test_a_missing_field_is_explained_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no field 'wrog'; add it, or set data\.incorrect_fields=wrong"):
        dataset(tmp_path, [row(1)], incorrect_fields=["wrog"]).read()


def test_multiple_choice_without_wrong_options_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.incorrect_fields=\[\]: must name at least one field"):
        ChoiceDataset()
