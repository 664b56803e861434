"""The training data of Algorithm 5."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.training.trajectories import (
    Attempt,
    Recipe,
    Trajectory,
    balance_lengths,
    build_chain_trajectories,
    build_rest_em_trajectories,
    build_trajectories,
    edit_distances,
)

TEXT = st.text("ab1√🙂", max_size=9)  # with characters of two and four bytes in UTF-8


def levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(target=TEXT, texts=st.lists(TEXT, min_size=1, max_size=4))
def test_edit_distances_are_levenshtein_distances(target: str, texts: list[str]) -> None:
    assert edit_distances(target, texts).tolist() == [levenshtein(target, text) for text in texts]


@settings(max_examples=10, deadline=None)
@given(st.text("ab1", min_size=200, max_size=400), st.text("ab1", min_size=200, max_size=400))
def test_edit_distances_of_long_texts_are_exact(target: str, text: str) -> None:
    assert edit_distances(target, [text]).tolist() == [levenshtein(target, text)]


CORRECT = ["1+1=2 so 2", "2", "it is 2"]
WRONG = ["1+1=3 so 3", "3", "it is 5!", "no idea", "what?"]
NEAREST = {"1+1=2 so 2": "1+1=3 so 3", "2": "3", "it is 2": "it is 5!"}  # wrong samples, by correct sample


def trajectories_of_seeds(count: int, recipe: Recipe) -> list[Trajectory]:
    return [t for seed in range(count) for t in build_trajectories("q", CORRECT, WRONG, recipe, Random(seed))]


def test_the_paper_recipe_puts_zero_to_four_wrong_samples_before_each_correct_one() -> None:
    found = trajectories_of_seeds(60, Recipe.paper)
    assert {t.target for t in found} == set(CORRECT) and len(found) == 60 * len(CORRECT)
    counts = [len(t.attempts) for t in found]
    assert [counts.count(n) / len(counts) for n in range(5)] == pytest.approx([0.2] * 5, abs=0.09)
    assert all(set(t.attempts) <= set(WRONG) and len(set(t.attempts)) == len(t.attempts) for t in found)


def test_the_last_attempt_of_the_paper_recipe_is_the_nearest_to_the_target() -> None:
    found = trajectories_of_seeds(20, Recipe.paper)
    assert all(t.attempts[-1] == NEAREST[t.target] for t in found if t.attempts)
    others = {attempt for t in found for attempt in t.attempts[:-1]}
    assert others == set(WRONG)


def test_no_more_wrong_attempts_are_shown_than_exist() -> None:
    found = [t for seed in range(20) for t in build_trajectories("q", ["2"], ["3"], Recipe.paper, Random(seed))]
    assert {t.attempts for t in found} == {(), ("3",)}
    assert build_trajectories("q", ["2"], [], Recipe.paper, Random(0))[0].attempts == ()


def test_the_nearest_recipe_puts_the_three_nearest_wrong_samples_before_one_target() -> None:
    [found] = build_trajectories("q", ["it is 2"], WRONG, Recipe.nearest, Random(0))
    distances = edit_distances(found.target, found.attempts).tolist()
    assert len(found.attempts) == 3 and found.attempts[-1] == "it is 5!"
    assert distances == sorted(distances, reverse=True)
    assert build_trajectories("q", ["2"], [], Recipe.nearest, Random(0)) == []


def test_the_own_recipe_shows_correct_attempts_too_but_never_the_target() -> None:
    found = trajectories_of_seeds(60, Recipe.own)
    assert {attempt for t in found for attempt in t.attempts} == {*CORRECT, *WRONG}
    assert not any(t.target in t.attempts for t in found)
    assert {t.target for t in found if t.attempts} == set(CORRECT)
    assert {t.target for t in found if not t.attempts} == {*CORRECT, *WRONG}
    pairs = [sum(attempt in CORRECT for attempt in t.attempts) for t in found if len(t.attempts) == 2]
    assert [pairs.count(n) / len(pairs) for n in range(3)] == pytest.approx([1 / 3] * 3, abs=0.12)
    assert all(t.attempts[-1] in (*CORRECT, NEAREST[t.target]) for t in found if t.attempts)


def test_a_problem_without_a_correct_sample_gives_no_trajectory() -> None:
    assert build_trajectories("q", [], WRONG, Recipe.paper, Random(0)) == []


def test_each_context_of_a_chain_is_followed_once_by_the_correct_attempt_nearest_to_its_last() -> None:
    attempts = [
        Attempt("it is 3", False),
        Attempt("it is 2", True, ("it is 3",)),
        Attempt("1+1=2 so 2", True, ("it is 3", "it is 2")),
        Attempt("1+1=3 so 3", False),
        Attempt("1+1=3 so 3", False, ("1+1=3 so 3",)),
        Attempt("it is 2", True, ("1+1=3 so 3",)),
    ]
    first, *later = build_chain_trajectories("q", attempts, Random(0))
    assert later == [
        Trajectory("q", ("it is 3",), "it is 2"),
        Trajectory("q", ("it is 3", "it is 2"), "it is 2"),
        Trajectory("q", ("1+1=3 so 3",), "1+1=2 so 2"),
    ]
    assert first.attempts == ()


def test_the_empty_context_of_chains_is_followed_by_any_first_attempt() -> None:
    attempts = [Attempt("it is 3", False), Attempt("2", True, ("it is 3",)), Attempt("it is 4", False)]
    firsts = {build_chain_trajectories("q", attempts, Random(seed))[0].target for seed in range(20)}
    assert firsts == {"it is 3", "it is 4"}


def test_chains_without_a_correct_attempt_give_no_trajectories() -> None:
    attempts = [Attempt("3", False), Attempt("4", False, ("3",))]
    assert build_chain_trajectories("q", attempts, Random(0)) == []


CHAINS = [
    Attempt("it is 3", False),
    Attempt("it is 2", True, ("it is 3",)),
    Attempt("it is 3", False, ("it is 3", "it is 2")),
    Attempt("1+1=2 so 2", True, ("it is 3", "it is 2", "it is 3")),
    Attempt("it is 3", False),
    Attempt("it is 4", False, ("it is 3",)),
    Attempt("2", True),
]


def test_rest_em_imitates_each_chain_up_to_its_first_correct_attempt() -> None:
    assert build_rest_em_trajectories("q", CHAINS) == [
        Trajectory("q", ("it is 3",), "it is 2"),
        Trajectory("q", (), "2"),
    ]


def test_rest_em_imitates_the_model_where_the_chains_recipe_corrects_it() -> None:
    unsolved = ("it is 3", "it is 4")  # no sample solved the problem after these
    attempts = [*CHAINS, Attempt("it is 4", False, unsolved)]
    corrected = {t.attempts: t.target for t in build_chain_trajectories("q", attempts, Random(0))}
    imitated = {t.attempts: t.target for t in build_rest_em_trajectories("q", attempts)}
    assert corrected[unsolved] == "it is 2" and unsolved not in imitated
    shown = {attempt for context in corrected for attempt in context}
    assert "it is 2" in shown and not {attempt for context in imitated for attempt in context} & {*CORRECT}


def test_rest_em_keeps_how_often_the_model_wrote_a_solution() -> None:
    twice = [Attempt("2", True), Attempt("2", True), Attempt("it is 2", True)]
    assert [t.target for t in build_rest_em_trajectories("q", twice)] == ["2", "2", "it is 2"]
    assert build_rest_em_trajectories("q", [Attempt("3", False), Attempt("3", False, ("3",))]) == []


def test_balancing_makes_each_number_of_attempts_equally_frequent_and_loses_no_rare_trajectory() -> None:
    found = [
        Trajectory("q", ("3",) * length, str(n)) for length, count in ((0, 30), (2, 7), (4, 2)) for n in range(count)
    ]
    balanced = balance_lengths(found, Random(0))
    lengths = [len(t.attempts) for t in balanced]
    assert {n: lengths.count(n) for n in lengths} == {0: 13, 2: 13, 4: 13}
    assert {t for t in found if t.attempts} <= {*balanced} <= {*found}
    repeats = [balanced.count(t) for t in found]
    assert max(repeats[:30]) == 1 and {*repeats[30:37]} <= {1, 2} and {*repeats[37:]} == {6, 7}
    assert balance_lengths([], Random(0)) == []
