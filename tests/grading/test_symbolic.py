"""math-verify reads only what it reads as meant and decides in time, and executes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttc.grading import Grader
from ttc.grading.symbolic import _parse, comparable

CODE = [
    "__import__('os').system('touch {}')", "open('{}','w')", r"\text{{open('{}','w')}}", "eval(\"open('{}','w')\")",
    r"\variable{{open('{}','w')}}", r"x_{{open('{}','w')}}", r"\operatorname{{exec}}(open('{}','w'))",
    "().__class__.__base__ or open('{}','w')",
    r"\sqrt{{__import__('pathlib').Path('{}').touch()}}", "lambda: open('{}','w')", r"\int_0^1 open('{}','w') dx",
    "[open('{}','w') for x in (1,)]",
]  # fmt: skip


def test_no_code_in_an_answer_is_executed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    answers = [code.format(canary) for code in CODE]
    with Grader() as grader:
        for gold in ("5", r"\int_0^1 x dx", "x+1"):
            grader.grade([(answer, gold) for answer in answers])
            grader.grade([(gold, answer) for answer in answers])
    for answer in answers:  # even if the checks before it failed
        _parse(answer)
    assert not canary.exists()


@pytest.mark.parametrize(
    "formula",
    ["9^{9^{9^{9}}}", "1000000!", r"\sum_{k=1}^{10^9}k^k", r"\sum_{k=1}^{10000}k", r"\prod_{k=1}^{999999}k",
    "x" * 400, r"\int " * 3 + "x",
     "(x+y)^{10000}", r"\sin(" * 8 + "x" + ")" * 8, "12345678901234567890", "x+" * 70 + "1"],
)  # fmt: skip
def test_what_would_keep_sympy_busy_is_not_compared(formula: str) -> None:
    assert not comparable(formula, "5")
    assert not comparable("5", formula)


@pytest.mark.parametrize("formula", ["101_2+x", "f'(x)", "shemustmake"])
def test_what_math_verify_misreads_is_not_compared(formula: str) -> None:
    assert not comparable(formula, formula)


def test_names_that_differ_in_case_are_not_compared() -> None:
    assert not comparable(r"\int R dx", r"\int r dx")


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        (r"\int_0^2 x dx", "2", True), (r"\int_0^2 x dx", "3", False), (r"\sum_{k=1}^{4} k", "10", True),
        (r"\sum_{k=1}^{4} k", "11", False),
        (r"2\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}2&4\end{pmatrix}", True),
        (r"2\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}2&5\end{pmatrix}", False),
    ],
)  # fmt: skip
def test_sums_integrals_and_matrices_are_compared_by_their_values(answer: str, gold: str, right: bool) -> None:
    with Grader(workers=1) as grader:
        assert grader.grade([(answer, gold)]) == [right]
