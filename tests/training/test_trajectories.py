"""Algorithm 5's data."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.training.trajectories import Attempt, Recipe, Trajectory, chained, edit_distances, trajectories


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
    found = [t for seed in range(60) for t in trajectories("q", RIGHT, WRONG, Recipe.paper, Random(seed))]
    assert {t.target for t in found} == set(RIGHT) and len(found) == 60 * len(RIGHT)
    counts = [len(t.attempts) for t in found]
    assert [counts.count(n) / len(counts) for n in range(5)] == pytest.approx([0.2] * 5, abs=0.09)
    assert all(set(t.attempts) <= set(WRONG) and len(set(t.attempts)) == len(t.attempts) for t in found)


def test_the_last_attempt_is_the_nearest_to_the_target() -> None:
    nearest = {"1+1=2 so 2": "1+1=3 so 3", "2": "3", "it is 2": "it is 5!"}
    found = [t for seed in range(20) for t in trajectories("q", RIGHT, WRONG, Recipe.paper, Random(seed))]
    assert all(t.attempts[-1] == nearest[t.target] for t in found if t.attempts)
    others = {attempt for t in found for attempt in t.attempts[:-1]}
    assert others == set(WRONG)


def test_no_more_wrong_attempts_are_shown_than_there_are() -> None:
    found = [t for seed in range(20) for t in trajectories("q", ["2"], ["3"], Recipe.paper, Random(seed))]
    assert {t.attempts for t in found} == {(), ("3",)}
    assert trajectories("q", ["2"], [], Recipe.paper, Random(0))[0].attempts == ()


def test_the_nearest_recipe_puts_the_three_nearest_before_one_target() -> None:
    [found] = trajectories("q", ["it is 2"], WRONG, Recipe.nearest, Random(0))
    distances = edit_distances(found.target, found.attempts).tolist()
    assert len(found.attempts) == 3 and found.attempts[-1] == "it is 5!"
    assert distances == sorted(distances, reverse=True)
    assert trajectories("q", ["2"], [], Recipe.nearest, Random(0)) == []


def test_the_own_recipe_shows_right_attempts_too_but_never_the_target_itself() -> None:
    found = [t for seed in range(60) for t in trajectories("q", RIGHT, WRONG, Recipe.own, Random(seed))]
    assert {attempt for t in found for attempt in t.attempts} == {*RIGHT, *WRONG}
    assert not any(t.target in t.attempts for t in found)
    assert {t.target for t in found if t.attempts} == set(RIGHT)
    assert {t.target for t in found if not t.attempts} == {*RIGHT, *WRONG}
    pairs = [sum(attempt in RIGHT for attempt in t.attempts) for t in found if len(t.attempts) == 2]
    assert [pairs.count(n) / len(pairs) for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.12)
    nearest = {"1+1=2 so 2": "1+1=3 so 3", "2": "3", "it is 2": "it is 5!"}
    assert all(t.attempts[-1] in (*RIGHT, nearest[t.target]) for t in found if t.attempts)


def test_a_problem_that_was_never_solved_teaches_nothing() -> None:
    assert trajectories("q", [], WRONG, Recipe.paper, Random(0)) == []


def test_each_context_of_a_chain_is_followed_once_by_the_right_attempt_nearest_to_its_last() -> None:
    attempts = [
        Attempt("it is 3", False),
        Attempt("it is 2", True, ("it is 3",)),
        Attempt("1+1=2 so 2", True, ("it is 3", "it is 2")),
        Attempt("1+1=3 so 3", False),
        Attempt("1+1=3 so 3", False, ("1+1=3 so 3",)),
        Attempt("it is 2", True, ("1+1=3 so 3",)),
    ]
    first, *later = chained("q", attempts, Random(0))
    assert later == [
        Trajectory("q", ("it is 3",), "it is 2"),
        Trajectory("q", ("it is 3", "it is 2"), "it is 2"),
        Trajectory("q", ("1+1=3 so 3",), "1+1=2 so 2"),
    ]
    assert first.attempts == ()


def test_a_first_attempt_of_chains_stays_what_it_was() -> None:
    attempts = [Attempt("it is 3", False), Attempt("2", True, ("it is 3",)), Attempt("it is 4", False)]
    firsts = {chained("q", attempts, Random(seed))[0].target for seed in range(20)}
    assert firsts == {"it is 3", "it is 4"}


def test_chains_without_a_right_attempt_teach_nothing() -> None:
    assert chained("q", [Attempt("3", False), Attempt("4", False, ("3",))], Random(0)) == []
