"""The tree of a problem's solutions: that of their texts, and the values by which a search judged its steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import TREE, beam_record, candidate

from ttc.report.steps import judged_values, path_to, prefix_tree, split_steps
from ttc.runs.trees import SearchTree


@pytest.mark.parametrize(
    ("text", "values", "steps"),
    [
        ("a\nb\nc", 3, ["a\n", "b\n", "c"]),
        ("a\n", 1, ["a\n"]),
        ("a\nb\n\nc", 2, ["a\nb\n\n", "c"]),
        ("a\nb\nc", 1, ["a\n", "b\n", "c"]),
        ("", 0, []),
    ],
)
def test_a_solution_is_split_so_that_each_step_has_its_value(text: str, values: int, steps: list[str]) -> None:
    assert split_steps(text, values) == steps


def test_formulas_of_several_lines_stay_whole() -> None:
    text = "So\n\\[\nx\n\\]\n\n  Thus\n \n\nEnd.\n"
    assert split_steps(text, 1, paragraphs=True) == ["So\n\\[\nx\n\\]\n\n", "  Thus\n \n\n", "End.\n"]


@given(st.text(alphabet="ab \n\r\u2028"), st.integers(0, 4), st.booleans())
def test_no_text_is_lost(text: str, values: int, paragraphs: bool) -> None:
    assert "".join(split_steps(text, values, paragraphs)) == text


def test_equal_beginnings_are_one_path() -> None:
    tree = prefix_tree(
        [
            candidate("a\nb", "1", True, 0.5, 0.75),
            candidate("a\nc", "2", False, 0.5, 0.25),
            candidate("a\nb", "1", True, 0.5, 0.75),
        ]
    )
    assert tree.parents == (-1, 0, 0) and tree.texts == ("a\n", "b", "c")
    assert tree.values == (0.5, 0.75, 0.25) and tree.draws == (3, 2, 1) and tree.candidates == (1, 2, 1)


def test_a_single_value_is_that_of_the_whole_solution() -> None:
    assert prefix_tree([candidate("a\nb\nc", "1", True, 0.5)]).values == (None, None, 0.5)


def test_an_empty_solution_ends_nowhere() -> None:
    assert prefix_tree([candidate("", None, False)]).candidates == (-1,)


def test_a_path_goes_from_the_first_step_to_a_node() -> None:
    assert path_to(TREE, 4) == [0, 2, 4] and path_to(TREE, -1) == []


def test_without_lookahead_the_values_are_the_trees() -> None:
    assert judged_values(TREE, beam_record().candidates) == ([*TREE.values], [False] * 6)


def test_a_step_that_was_looked_ahead_from_has_the_value_at_its_rollouts_end() -> None:
    # a is kept: its rollout was b, c, of which b was then sampled for itself; p is pruned: its rollout is q, r.
    tree = SearchTree(
        parents=(-1, 0, 1, -1, 3, 4, 1),
        texts=("a\n", "b\n", "c\n", "p\n", "q\n", "r\n", "end"),
        values=(None, None, 0.7, None, None, 0.1, 0.9),
        rounds=(1, 2, 1, 1, 1, 1, 3),
        draws=(1, 1, 1, 1, 1, 1, 1),
        finishes=("step", "step", "step", "step", "step", "step", "stop"),
        rollouts=(False, False, True, False, True, True, False),
        candidates=(6,),
    )
    values, ahead = judged_values(tree, [candidate("a\nb\nend", "1", True, 0.7, 0.8, 0.9)])
    assert values == [0.7, 0.8, 0.7, 0.1, None, 0.1, 0.9]
    assert ahead == [True, True, False, True, False, False, False]
