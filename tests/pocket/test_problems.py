"""The pocket problems are different, disjoint between splits and solvable; solutions are wrong only after a slip."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest

from ttc.grading import extract_answer
from ttc.pocket.pen import Pen
from ttc.pocket.problems import LEVELS, SUBJECTS, drafts, load_split, sample_problems, split_of
from ttc.pocket.subjects.algebra import draw_equation


def test_the_test_split_has_500_different_problems_across_all_subjects_and_levels() -> None:
    problems = load_split("test")
    assert len(problems) == len({p.question for p in problems}) == len({p.id for p in problems}) == 500
    assert set(Counter(p.level for p in problems)) == set(LEVELS)
    subjects = Counter(p.subject for p in problems)
    assert set(subjects) == set(SUBJECTS)
    assert min(subjects.values()) > 50


def test_splits_share_no_problem_text() -> None:
    texts = {
        split: {p.question for p in sample_problems(split, 500, seed=3)} for split in ("train", "validation", "test")
    }
    assert all(split_of(text) == split for split, found in texts.items() for text in found)
    assert not texts["train"] & texts["test"] and not texts["validation"] & texts["test"]


def test_equal_seeds_draw_equal_problems() -> None:
    assert sample_problems("train", 50, seed=1) == sample_problems("train", 50, seed=1)
    assert sample_problems("train", 50, seed=1) != sample_problems("train", 50, seed=2)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_careful_solution_boxes_the_gold_answer(subject: str) -> None:
    for draft in islice((d for d in drafts("train", 5) if d.subject == subject), 50):
        steps, answer = draft.solution(Pen.careful())
        assert extract_answer("".join(steps)) == answer == draft.gold
        assert all(step.endswith("\n") for step in steps[:-1]) and not steps[-1].endswith("\n")


def test_a_solution_with_slips_boxes_the_answer_that_it_arrives_at() -> None:
    for number, draft in enumerate(islice(drafts("train", 6), 500)):
        steps, answer = draft.solution(Pen(Random(number), draft.level))
        assert extract_answer("".join(steps)) == answer


def test_wrong_solutions_are_rare_on_the_easiest_level_and_usual_on_the_hardest() -> None:
    correct: dict[int, list[bool]] = {level: [] for level in LEVELS}
    for number, draft in enumerate(islice(drafts("train", 7), 3000)):
        correct[draft.level].append(draft.solution(Pen(Random(number), draft.level))[1] == draft.gold)
    shares = [sum(correct[level]) / len(correct[level]) for level in LEVELS]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.85 and shares[-1] < 0.1


def test_the_gold_answer_solves_the_linear_equation() -> None:
    for seed in range(200):
        equation = draw_equation(Random(seed), 2, 2)
        x = int(equation.write(Pen.careful())[1])
        assert sum(a * x + b for a, b in (term.value for term in equation.terms)) == equation.right
