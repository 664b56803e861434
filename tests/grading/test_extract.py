r"""The final answer is extracted as a solution states it, in linear time whatever the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.grading import extract_answer, gold_answer, is_unreadable_solution


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $x = \boxed{5}$.", "5"),
        (r"first \boxed{1}, then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\left\{ \frac{\sqrt{2}}{3}, 4 \right\}} indeed", r"\left\{ \frac{\sqrt{2}}{3}, 4 \right\}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\fbox{7}", "7"),
        (r"$\boxed 5$", "5"),
        (r"\boxed 12. Done", "12"),
        (r"\boxed {8}", "8"),
        (r"\boxed{ 3 }", "3"),
        ("6 dollars each.\n#### 1,018", "1,018"),
        ("The answer is 42.", "42"),
        ("The final answer is: $\\frac{2}{3}$. I hope it is correct.", r"\frac{2}{3}"),
        ("**Answer:** 3.5 meters", "3.5 meters"),
        ("The answer is $18 per day", "$18 per day"),
        ("Is the answer is 3? No. The answer is 4, because 2+2=4.", "4"),
        ("The answer is \\(x+1\\), so we stop", "x+1"),
        ("#### Step 1: Halve it\nIt is 3.\n#### 18", "18"),
        ("#### Step 2: Solve for x\nThe answer is 18.", "18"),
        ("#### Final Answer\n18", "18"),
        ("#### 2. Solve\n**Answer:** 18", "18"),
        ("It is odd.\n#### yes", "yes"),
        ("The answer is 3 (since 1 + 2 = 3).", "3"),
        ("The answer is 3<|im_end|>", "3"),
        ("The correct option is (C).", "(C)"),
        ("综上所述，故选：C。", "C"),
        ("The answer is 64, in total, so she sells that many.", "64"),
        ("The answer is 64 in total.", "64"),
        ("The answer is 3, so 3 it is", "3"),
        ("The answer is therefore 31.", "31"),
        ("The answer is **C**.", "C"),
        ("The answer is `5`.", "5"),
        ("The answer is approximately equal to 3.14.", "3.14"),
        ("The answer would be $5$.", "5"),
        ("The answer is $18 per day. That is $3 more.", "$18 per day"),
        ("The answer is $2$ and $3$.", "2, 3"),
        ("The answer is $5$, and $x$ is odd.", "5"),
        ("Answer: $\\$18$", r"\$18"),
        ("The total is\n\n**Final Answer**\n\n58", "58"),
        ("## Final Answer\n\\[58\\]", "58"),
        ("**Answer**\n\nThe answer is 58.", "58"),
        ("<think>…</think><answer> 9 </answer>", "9"),
        (r"<answer>\boxed{9}</answer>", "9"),
        ("<answer>The answer is 9.</answer>", "9"),
        ("so <answer>9", "9"),
        (r"<think>maybe \boxed{8}</think> The answer is 9.", "9"),
        (r"maybe \boxed{8}</think> The answer is 9.", "9"),
        (r"[THINK]maybe \boxed{8}[/THINK]It is \boxed{9}.", "9"),
        (r"<think>\boxed{7}</think> no: <think>\boxed{8}</think> \boxed{9}", "9"),
        ("所以一共有24个。\n答案是：24", "24"),
        ("答案：24。", "24"),
        ("最终答案为 $\\frac12$。", r"\frac12"),
        ("答案是24，因为 2 * 12 = 24", "24"),
        ("so \boxed{7}", "7"),  # "\b" read as an escape
        ("so \fbox{7}", "7"),
    ],
)
def test_the_last_stated_answer_is_extracted(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "we get 12, then 13",
        r"\boxed{\frac{1}{2}",
        r"a whole \boxed{4} and then a cut \boxed{5",
        r"\boxed{}",
        r"\boxed",
        "The answer is",
        r"The answer is $\frac{1}{",
        "####",
        r"<think>\boxed{8}",
        r"\boxed{9} <think> or 8?",
        r"<think>\boxed{8}</think> \boxed{9} <think> or 8?",
        r"[THINK]\boxed{8}",
        r"<think>\boxed{8}</think>",
        r"\boxed{3}, \boxed{5",
    ],
)
def test_no_answer_is_extracted_from_a_text_that_states_none(text: str) -> None:
    assert extract_answer(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"$\boxed{3}$, $\boxed{5}$", "3, 5"),
        (r"\(\boxed{1}\), \(\boxed{2}\), and \(\boxed{3}\).", "1, 2, 3"),
        (r"\boxed{(-2,18)} \text{ and } \boxed{(8,38)}", "(-2,18), (8,38)"),
        (r"$x = \boxed{3}$ and $y=\boxed{5}$", "x = 3, y=5"),
        (r"\boxed{3} or \boxed{5}", "3, 5"),
    ],
)
def test_the_boxes_of_one_list_are_one_answer(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        r"First \boxed{3}. Then \boxed{5}",
        "\\boxed{3},\n\nso \\boxed{5}",
        r"\boxed{3} \boxed{5}",
        r"the sum of \boxed{3} and the rest is \boxed{5}",
        r"\boxed{5}, \boxed{5}",
        r"\boxed{\boxed{5}}",
        r"\boxed{\frac{10}{2}} or \boxed{5}",  # one answer, spelled twice
    ],
)
def test_boxes_that_form_no_list_are_not_joined(text: str) -> None:
    assert extract_answer(text) == "5"


def test_a_box_takes_precedence_over_a_later_phrase() -> None:
    assert extract_answer(r"\boxed{3} and so the answer is 4") == "3"


def test_the_gold_answer_is_extracted_from_a_solution() -> None:
    golds = ("18", " 18\n", "2 * 9 = 18\n#### 18", r"thus \boxed{18}", "2 * 9 = 18. The answer is 18.")
    assert [gold_answer(text) for text in golds] == ["18"] * 5


@pytest.mark.parametrize("gold", ["18", r"x \in [1,2]", "Ada and Bob", "3 apples", "no", r"\boxed{", "a. b. c."])
def test_a_gold_that_is_an_answer_is_left_as_it_is(gold: str) -> None:
    assert gold_answer(gold) == gold


def test_a_gold_is_unreadable_only_if_it_is_several_sentences_without_a_final_answer() -> None:
    steps = "She sells 16 eggs each day. She eats three of them for breakfast. Four go into the muffins. " * 3
    assert is_unreadable_solution(steps)
    assert not is_unreadable_solution(steps + "The answer is 9.")
    assert not is_unreadable_solution(steps + "#### 9")
    assert not is_unreadable_solution(r"x = \frac{1}{2} \text{ and } " * 20)
    assert not is_unreadable_solution("The two are not equal. It depends on x.")


PIECES = [
    *("\\boxed{", "\\boxed ", "\\boxed{1}, ", "\\boxed{1} and ", "\\text{", "_{", "{", "}", "\\", "x=", "1", "a"),
    *("answer is ", "answer: ", "answer\n", "the final ", "therefore ", " because ", ", so ", " and ", "答案是", "，"),
    *("$", "$$", "\\(", "\\[", "$1$, ", "#### ", "#", "<think>", "</think>", "<answer>", "</answer>"),
    *(" ", "\n", "*", "`", ",", ".", "\0", "\ud800"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(deadline=None, derandomize=True, max_examples=400)
def test_reading_a_gold_again_changes_nothing(text: str) -> None:
    gold = gold_answer(text)
    assert gold_answer(gold) == gold


@given(st.lists(st.sampled_from(PIECES), max_size=2), st.lists(st.sampled_from(PIECES), min_size=1, max_size=2))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_extraction_takes_linear_time(start: list[str], repeated: list[str]) -> None:
    first, unit = "".join(start), "".join(repeated)
    count = 10_000 // len(unit)
    small = min(_seconds(first + unit * count) for _ in range(2))
    large = min(_seconds(first + unit * (4 * count)) for _ in range(2))
    assert large < 10 * small + 0.02  # quadratic time would be 16 times as long


def test_a_megabyte_of_boxes_takes_less_than_two_seconds() -> None:
    for text in ("\\boxed{" * 150_000, "\\boxed{1}, " * 100_000, "\\boxed{" + "x" * 10**6, "answer is " * 100_000):
        assert _seconds(text) < 2


def _seconds(text: str) -> float:
    started = time.process_time()
    extract_answer(text)
    gold_answer(text)
    return time.process_time() - started
