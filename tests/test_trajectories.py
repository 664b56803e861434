"""Algorithm 5's data."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.training.trajectories import Recipe, edit_distances, trajectories


def levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(target=st.text("ab1", max_size=9), texts=st.lists(st.text("ab1", max_size=9), min_size=1, max_size=4))
def test_distances_are_levenshteins(target: str, texts: list[str]) -> None:
    assert edit_distances(target, texts).tolist() == [levenshtein(target, text) for text in texts]


RIGHT = ["1+1=2 so 2", "2", "it is 2"]
WRONG = ["1+1=3 so 3", "3", "it is 5!", "no idea", "what?"]


def test_every_right_sample_is_a_target_after_none_to_four_wrong_ones() -> None:
    found = [t for seed in range(60) for t in trajectories("q", RIGHT, WRONG, Recipe.PAPER, Random(seed))]
    assert {t.target for t in found} == set(RIGHT) and len(found) == 60 * len(RIGHT)
    counts = [len(t.attempts) for t in found]
    assert [counts.count(n) / len(counts) for n in range(5)] == pytest.approx([0.2] * 5, abs=0.09)
    assert all(set(t.attempts) <= set(WRONG) and len(set(t.attempts)) == len(t.attempts) for t in found)


def test_the_last_attempt_is_the_nearest_to_the_target() -> None:
    nearest = {"1+1=2 so 2": "1+1=3 so 3", "2": "3", "it is 2": "it is 5!"}
    found = [t for seed in range(20) for t in trajectories("q", RIGHT, WRONG, Recipe.PAPER, Random(seed))]
    assert all(t.attempts[-1] == nearest[t.target] for t in found if t.attempts)
    others = {attempt for t in found for attempt in t.attempts[:-1]}
    assert others == set(WRONG)


def test_no_more_wrong_attempts_are_shown_than_there_are() -> None:
    found = [t for seed in range(20) for t in trajectories("q", ["2"], ["3"], Recipe.PAPER, Random(seed))]
    assert {t.attempts for t in found} == {(), ("3",)}
    assert trajectories("q", ["2"], [], Recipe.PAPER, Random(0))[0].attempts == ()


def test_the_nearest_recipe_puts_the_three_nearest_before_one_target() -> None:
    [found] = trajectories("q", ["it is 2"], WRONG, Recipe.NEAREST, Random(0))
    distances = edit_distances(found.target, found.attempts).tolist()
    assert len(found.attempts) == 3 and found.attempts[-1] == "it is 5!"
    assert distances == sorted(distances, reverse=True)
    assert trajectories("q", ["2"], [], Recipe.NEAREST, Random(0)) == []


def test_the_own_recipe_shows_right_attempts_too_but_never_the_target_itself() -> None:
    found = [t for seed in range(60) for t in trajectories("q", RIGHT, WRONG, Recipe.OWN, Random(seed))]
    assert {attempt for t in found for attempt in t.attempts} == {*RIGHT, *WRONG}
    assert not any(t.target in t.attempts for t in found)
    assert {t.target for t in found if t.attempts} == set(RIGHT)
    assert {t.target for t in found if not t.attempts} == {*RIGHT, *WRONG}
    pairs = [sum(attempt in RIGHT for attempt in t.attempts) for t in found if len(t.attempts) == 2]
    assert [pairs.count(n) / len(pairs) for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.12)
    nearest = {"1+1=2 so 2": "1+1=3 so 3", "2": "3", "it is 2": "it is 5!"}
    assert all(t.attempts[-1] in (*RIGHT, nearest[t.target]) for t in found if t.attempts)


def test_a_problem_that_was_never_solved_teaches_nothing() -> None:
    assert trajectories("q", [], WRONG, Recipe.PAPER, Random(0)) == []
