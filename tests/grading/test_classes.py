"""Answers are partitioned into classes of equal ones for votes, whatever their order, at a bounded cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.grading import Grader, classes_by_structure
from ttc.grading.classes import MAX_PAIRS, Pair, Partition


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


def grouped(grader: Grader, answers: list[str]) -> set[frozenset[str]]:
    classes = grader.classes(answers)
    return {frozenset(a for a in answers if classes[a] == number) for number in classes.values()}


@pytest.mark.parametrize(
    "groups",
    [
        [[r"\frac{\pi}{2}", r"\pi/2", r"\frac12\pi"], ["5"]],
        [["3x+2", "2+3x"], ["3x+3"]],
        [["40", "40.0"], [r"40\%"], ["0.4"]],
        [["15"], [r"15\%"], ["0.15"]],
        [["x=5"], ["y=5"], ["4"]],
        [["x=5", "5", "5.0"]],
        [["x=5"], ["y=5"], ["5", "5.0"]],  # 5 is either
        [["314"], ["314_5"], ["314_6"]],
        [["1,234", "1234", r"1{,}234"], ["1.234"]],
        [["2,3", "3, 2", r"\{3,2\}", r"x=2 \text{ or } x=3"], ["2,4"]],
        [["x>5", r"(5,\infty)", r"x \in (5, +\infty)"], [r"[5,\infty)"]],
        [["0.333333"], ["0.3333333"], ["1/3", r"\frac13"]],
        [["(1,2)", r"\left(1, 2\right)"], ["[1,2]"], ["(2,1)"]],
        [["1, 2", "2,1"], ["1, 3"]],
        [[r"\text{Ada}", "ada"], ["Bob"]],
        [[r"\frac{"], [""], [r"\foo{1}"]],
    ],
)
def test_answers_of_a_class_are_those_that_the_grader_does_not_tell_apart(
    grader: Grader, groups: list[list[str]]
) -> None:
    assert grouped(grader, [answer for group in groups for answer in group]) == set(map(frozenset, groups))


def test_units_tell_answers_apart_if_they_are_compared() -> None:
    answers = ["5 km", "5 m", "7"]
    with Grader() as grader, Grader(units=True) as strict:
        assert grader.grade([("5 km", "5 m")]) == [True]
        assert strict.grade([("5 km", "5 m"), ("5", "5 m")]) == [False, True]
        assert grouped(grader, answers) == {frozenset({"5 km", "5 m"}), frozenset({"7"})}
        assert grouped(strict, answers) == {frozenset({a}) for a in answers}


ANSWERS = [
    "5",
    "x=5",
    "y=5",
    "5.0",
    r"5\%",
    "0.05",
    "10/2",
    r"\sqrt{25}",
    "1/3",
    "0.333333",
    "2k",
    "k*2",
    "5, 1",
    "1,5",
]


@given(st.lists(st.sampled_from(ANSWERS), max_size=10), st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_classes_do_not_depend_on_the_order_of_answers(answers: list[str], random: Random) -> None:
    with Grader() as grader:
        assert grader.classes(answers) == grader.classes(random.sample(answers, len(answers)))


def test_numbers_and_words_are_compared_without_a_worker() -> None:
    with Grader() as grader:
        grader.classes([*map(str, range(100)), "yes", "no", "(1,2)", "[1,2]"])
        assert not any(worker.process for worker in grader._workers)


def test_the_pairs_given_to_workers_are_limited() -> None:
    asked: list[Pair] = []

    def ask(pairs: object) -> list[bool]:
        assert isinstance(pairs, list)
        asked.extend(pairs)
        return [False] * len(pairs)

    answers = [rf"\foo({n})" for n in range(60)]
    classes = Partition(lambda answer, gold: None, ask).classes(answers)
    assert len(set(classes.values())) == 60
    assert len(asked) == MAX_PAIRS


def test_a_class_needs_acceptance_both_ways() -> None:
    one_way = Partition(lambda answer, gold: None, lambda pairs: [pair == ("b", "a") for pair in pairs])
    assert len(set(one_way.classes(["a", "b"]).values())) == 2
    both = Partition(lambda answer, gold: None, lambda pairs: [True] * len(pairs))
    assert len(set(both.classes(["a", "b"]).values())) == 1


@pytest.mark.parametrize(
    "answer",
    ["{n}+x^2", r"\sin({n}x)+{n}", "x^2+{n}x>{n}", "{n}, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "the {n}th of {n}"],
)
def test_256_different_answers_are_partitioned_in_seconds(grader: Grader, answer: str) -> None:
    answers = [answer.replace("{n}", str(n)) for n in range(2, 258)]
    started = time.process_time()
    assert len(set(grader.classes(answers).values())) == 256
    assert time.process_time() - started < 20


def test_an_answer_that_timed_out_is_not_compared_again() -> None:
    with Grader(timeout_seconds=1, workers=1) as grader:
        grader._slow.add("b")
        grader._decide = lambda answer, gold: None  # type: ignore[method-assign]
        assert len(set(grader.classes(["a", "b"]).values())) == 2
        assert not grader._workers[0].process


def test_without_a_grader_answers_are_compared_as_far_as_no_worker_is_needed() -> None:
    classes = classes_by_structure(["1,234", "1234", r"\pi/2", r"\frac{\pi}{2}", r"\sum_{k=1}^{3} k", "6", "\ud800"])
    assert classes["1,234"] == classes["1234"] and classes[r"\pi/2"] == classes[r"\frac{\pi}{2}"]
    assert classes[r"\sum_{k=1}^{3} k"] != classes["6"]
    with Grader() as grader:
        classes = grader.classes([r"\sum_{k=1}^{3} k", "6"])
        assert classes[r"\sum_{k=1}^{3} k"] == classes["6"]
