"""`ttc grade FILE --grader`: completions against gold answers, by any grader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ttc.analysis.grade import grade_path
from ttc.errors import UserError
from ttc.grading.sandbox import find_isolation


def graded(directory: Path, grader: str | None, *pairs: tuple[object, str]) -> list[bool]:
    rows = [{"gold": gold, "completion": completion} for gold, completion in pairs]
    source, out = directory / "rows.jsonl", directory / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    grade_path(source, out, grader=grader)
    return [json.loads(line)["correct"] for line in out.read_text().splitlines()]


def test_golds_with_their_unit_in_brackets_are_graded_as_numbers(tmp_path: Path) -> None:
    pairs = [("9 (apples)", r"\boxed{9}"), ("9 (apples)", "The answer is 9 apples."), ("9 (apples)", r"\boxed{8}")]
    assert graded(tmp_path, "numeric", *pairs) == [True, True, False]
    assert graded(tmp_path, None, *pairs) == [True, True, False]


def test_the_tolerance_is_a_thousandth(tmp_path: Path) -> None:
    assert graded(tmp_path, "numeric", (3.1416, r"\boxed{\pi}"), (3.0, r"\boxed{\pi}")) == [True, False]


def test_letters_are_graded_as_multiple_choice(tmp_path: Path) -> None:
    assert graded(tmp_path, "choice", ("B", "The answer is (B)."), ("(B)", "I say C.\n(C)")) == [True, False]


@pytest.mark.skipif(not find_isolation().prefix, reason="programs cannot be cut off from the network here")
def test_programs_are_graded_by_their_unit_tests(tmp_path: Path) -> None:
    tests = "assert double(4) == 8"
    right, wrong = (f"```python\ndef double(n):\n    return n * {factor}\n```" for factor in (2, 3))
    assert graded(tmp_path, "unit_tests", (tests, right), (tests, wrong)) == [True, False]


def test_a_gold_that_the_grader_cannot_use_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows\.jsonl:2: gold='Paris', which is not the letter of an option"):
        graded(tmp_path, "choice", ("A", "A"), ("Paris", "A"))
