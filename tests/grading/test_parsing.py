"""Parsing takes linear time, never fails, and gives equal keys only to answers that are graded alike."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spellings import near_misses, spellings

from ttc.grading import normalize_answer
from ttc.grading.equivalence import equivalent, leave_undecided
from ttc.grading.form import Kind
from ttc.grading.parsing import MAX_CHARACTERS, parse_answer

FRAGMENTS = [
    "(", ")", "[", "]", "{", "}", ",", ";", ":", "\\", "\\frac", "\\frac{", "\\frac12", "\\text{", "\\text{ab}",
    "\\pm", "\\mp",
    "1,000,", "1,", "123,", "<", "x<", "\\leq", "=", "x=", "\\in", "_", "^", "x_", "2^{", "\\boxed{", " ", "   ",
    "\n", "$", "$$", ".",
    "...", "-", "+", "1+", "'", "!", "\\cup", "\\sqrt", "\\sqrt{", "\\left(", "\\begin{pmatrix}", "\\end{pmatrix}",
    "&", "\\\\",
    "ab ", " apples", "5 km", "/", "m/", "3", "0.3", "\\overline{3}", " and ", " or ", "|", "^\\circ", "\\%", "**",
    "\\{", "\\}",
    "\\{x|", "\\neq", "≤", "（", "个", "\\(", "\\color{red}", "million", "f(x)=", "\\begin{cases}", "~", "{,}", "1e9",
    "(A) ", "i", "e",
    "the answer is ", "\\mathbf{", "\\log_", "\x00", "\ud800", "٣", "²", "_{16}", "9" * 40, "\\lfloor", "\\binom",
]  # fmt: skip
GOLDS = [
    "7", "40,500", "120, 240", r"\frac{1}{3}", "2.75", "314_5", r"\$4.25", r"12\text{ inches}", r"40\%",
    r"5\sqrt{7}", "3 - 8i",
    r"4 \pm \sqrt{6}", r"\text{Alice}", r"\text{(D)}", "2,-7", "(4,-9)", "(-5,1]", r"(-\infty, 3)",
    r"(0,2) \cup (2,11)", "x=9",
    r"\begin{pmatrix} 3 \\ -1/2 \end{pmatrix}", r"x \in [-1,6]", "2k", "y = 2x + 3", "f'(x)=2x", "x=1, y=2", "x<3",
    "E_1, E_2",
]  # fmt: skip


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), st.sampled_from(GOLDS))
def test_no_answer_raises(answer: str, gold: str) -> None:
    assert normalize_answer(answer) is not None
    for pair in ((answer, gold), (gold, answer), (answer, answer)):
        equivalent(parse_answer(pair[0]), parse_answer(pair[1]), leave_undecided, units=True)
    assert equivalent(parse_answer(answer), parse_answer(answer), leave_undecided) is True


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.text(max_size=60))
def test_no_text_raises(answer: str) -> None:
    assert equivalent(parse_answer(answer), parse_answer(answer), leave_undecided) is True


def _hostile_units() -> list[str]:
    generator = random.Random(7)
    return FRAGMENTS + ["".join(generator.choices(FRAGMENTS, k=generator.randint(2, 4))) for _ in range(150)]


@pytest.mark.parametrize("tail", ["", "x", "}", "!"])
def test_parsing_takes_linear_time(tail: str) -> None:
    for unit in _hostile_units():
        short, long = (
            _seconds_to_parse((unit * size)[:size] + tail) for size in (MAX_CHARACTERS // 4, MAX_CHARACTERS - 2)
        )
        assert long < max(12 * short, 0.05), unit


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_long_answer_is_not_parsed(size: int) -> None:
    for unit in (" ", "(", "1,", r"\frac{", r"\boxed{1 "):
        answer = (unit * size)[:size] + "x"
        assert _seconds_to_parse(answer) < 1
        assert parse_answer(answer).kind is Kind.FORMULA


def test_long_answers_are_equal_only_if_spelled_alike() -> None:
    long, nested = "x+" * 600 + "1", "(" * 60 + "x+1" + ")" * 60
    for answer in (long, nested):
        assert equivalent(parse_answer(answer), parse_answer(f" {answer} "), leave_undecided) is True
        assert equivalent(parse_answer(answer), parse_answer(answer.replace("x+1", "x/1")), leave_undecided) is False


def test_a_run_of_spaces_takes_no_time() -> None:
    assert _seconds_to_parse("1" + " " * 480 + "x") < 0.05


def _seconds_to_parse(answer: str) -> float:
    def once() -> float:
        parse_answer.cache_clear()
        started = time.process_time()
        parse_answer(answer)
        return time.process_time() - started

    return min(once() for _ in range(3))


def test_answers_with_equal_keys_are_graded_alike() -> None:
    answers = {answer for gold in GOLDS for answer in (*spellings(gold), *near_misses(gold))}
    answers |= {f"x={answer}" for answer in GOLDS} | {f"y={answer}" for answer in GOLDS}
    answers |= {rf"{answer}\text{{ {unit}}}" for answer in GOLDS for unit in ("km", "m", "percent")}
    for units in (False, True):
        groups: dict[str, list[str]] = {}
        for answer in sorted(answers):
            groups.setdefault(normalize_answer(answer, units=units), []).append(answer)
        assert len(groups) < 0.6 * len(answers)
        for members in groups.values():
            assert len({_grades(member, units) for member in members}) == 1, members


def _grades(answer: str, units: bool) -> tuple[bool | None, ...]:
    form = parse_answer(answer)
    return tuple(equivalent(form, parse_answer(gold), leave_undecided, units=units) for gold in GOLDS)


@pytest.mark.parametrize(
    "answers",
    [
        ("40", r"40\%"), ("x=5", "y=5", "5"), ("1,234", "1234"), ("17_8", "17", "17_9"), ("0.333333", "0.3333330"),
        ("(1,2)", "[1,2)"),
        ("x=1, y=2", "x=2, y=1", "1, 2"), ("E_1, E_2", "E_1, E_3"), ("f'(x)", "f(x)"), ("x>5", "y>5"),
        ("101_2,11_3", "101_5,11_3"),
    ],
)  # fmt: skip
def test_answers_that_a_gold_answer_tells_apart_have_different_keys(answers: tuple[str, ...]) -> None:
    assert len({normalize_answer(answer) for answer in answers}) == len(answers)


def test_units_are_part_of_the_key_only_if_they_are_compared() -> None:
    assert normalize_answer("5 km") == normalize_answer("5 cm")
    assert normalize_answer("5 km", units=True) != normalize_answer("5 cm", units=True)
    assert normalize_answer("(5 km, 3)", units=True) != normalize_answer("(5 cm, 3)", units=True)
    assert normalize_answer("(5 km, 3)") == normalize_answer("(5 cm, 3)")
