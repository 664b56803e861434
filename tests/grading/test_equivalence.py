"""Grading of real and made-up gold answers: common spellings are correct, near misses are wrong."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spellings import near_misses, spellings

from ttc.grading import Grader, extract_answer, gold_answer
from ttc.grading.form import Kind
from ttc.grading.parsing import parse_answer

DATA = Path(os.environ.get("TTC_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
MADE_UP_GOLDS = [
    "7", "-12", "0", "40,500", r"\frac{5}{8}", r"-\frac{7}{12}", r"2\frac{3}{4}", "2.75", ".0125", "314_5", r"\$4.25",
    r"12\text{ inches}", r"40^\circ", r"5\sqrt{7}", r"\frac{\sqrt{3}}{3}", r"24 \pi", "3 - 8i", r"4 \pm \sqrt{6}",
    r"\text{Ada}", r"\text{(D)}", "2,-7", "1, 4, 9", "(4,-9)", "(2,-3,8)", "(-5,1]", r"(-\infty, 3)", r"[4,\infty)",
    r"(0,2) \cup (2,11)", r"\begin{pmatrix} 3 \\ -1/2 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 0 & 5 \end{pmatrix}",
    "x=9", r"x \in [-1,6]", "2k", "(a+5)(b+2)", "6r^2-4r-24", r"\frac{11+9a}{20}", r"\cot x", "y = 2x + 3",
]  # fmt: skip


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


def test_common_spellings_of_made_up_gold_answers_are_correct(grader: Grader) -> None:
    pairs = [(spelling, gold) for gold in MADE_UP_GOLDS for spelling in spellings(gold)]
    assert [pair for pair, correct in zip(pairs, grader.grade(pairs), strict=True) if not correct] == []


def test_near_misses_of_made_up_gold_answers_are_wrong(grader: Grader) -> None:
    pairs = [(miss, gold) for gold in MADE_UP_GOLDS for miss in near_misses(gold)]
    assert [pair for pair, correct in zip(pairs, grader.grade(pairs), strict=True) if correct] == []


def test_common_spellings_of_math500_gold_answers_are_correct(grader: Grader) -> None:
    pairs = [(spelling, gold) for gold in _math500() for spelling in spellings(gold)]
    rejected = [pair for pair, correct in zip(pairs, grader.grade(pairs), strict=True) if not correct]
    assert len(pairs) > 5000
    assert rejected == []


def test_near_misses_of_math500_gold_answers_are_wrong(grader: Grader) -> None:
    pairs = [(miss, gold) for gold in _math500() for miss in near_misses(gold)]
    accepted = [pair for pair, correct in zip(pairs, grader.grade(pairs), strict=True) if correct]
    assert len(pairs) > 3000
    assert accepted == []


def test_answers_of_other_math500_problems_are_wrong(grader: Grader) -> None:
    golds = _math500()
    steps = range(1, len(golds), len(golds) // 40)  # pairs each gold answer with forty others
    pairs = [(golds[(index + step) % len(golds)], gold) for index, gold in enumerate(golds) for step in steps]
    pairs = [(answer, gold) for answer, gold in pairs if _bare(answer) != _bare(gold)]
    assert [pair for pair, correct in zip(pairs, grader.grade(pairs), strict=True) if correct] == []


def test_math500_solutions_state_their_gold_answers() -> None:
    for row in _rows("math500.jsonl"):
        assert extract_answer(row["solution"]) == row["answer"]


def test_gsm8k_gold_answers_are_numbers() -> None:
    for row in _rows("gsm8k_test.jsonl"):
        assert parse_answer(gold_answer(row["answer"])).kind is Kind.NUMBER


def _rows(name: str) -> list[dict[str, Any]]:
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} does not exist; set TTC_TEST_DATA to its directory")
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]


def _math500() -> list[str]:
    return list(dict.fromkeys(row["answer"] for row in _rows("math500.jsonl")))


def _bare(answer: str) -> str:
    """Return the number in 36, \\$36, 36^\\circ and 36\\text{ cm}: equal answers to different problems."""
    return re.sub(r"\\(?:text|mbox)\{.*|\^\\circ|\\[$!]|[ ,{}]|^x=|_\d", "", answer)
