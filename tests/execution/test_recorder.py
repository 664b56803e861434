"""Finished problems are graded in a thread, and written sorted, completely or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flows import OTHER, PROBLEM, solved

from ttc.cost import Tokens
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.runner import Outcome
from ttc.grading import Grader
from ttc.runs.records import SelectedAnswer
from ttc.runs.trees import SearchTree
from ttc.selection import Aggregation, SelectionRule
from ttc.types import Candidate, Problem, Trace

BUILDER = RecordBuilder(SelectionRule.weighted, Aggregation.last)


@pytest.fixture
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


def outcome(problem: Problem, *answers: str | None) -> Outcome:
    candidates = [
        Candidate(solved(Trace(problem), str(answer)), (1 / (n + 2),), answer) for n, answer in enumerate(answers)
    ]
    return Outcome(problem, candidates, Tokens(decoded=len(answers)))


def test_a_problem_is_graded_under_every_selection(grader: Grader) -> None:
    record = BUILDER.build(outcome(PROBLEM, "3", "2", "2.0", None), grader)
    assert {name: selected.correct for name, selected in record.selected.items()} == {
        "majority": True,
        "best": False,
        "weighted": True,
    }
    assert record.correct and record.oracle and record.pass1 == 0.5 and record.generations == 4


def test_votes_count_answers_that_the_grader_takes_for_equal(grader: Grader) -> None:
    problem = replace(PROBLEM, gold=r"\frac{\pi}{2}")
    candidates = [replace(c, values=(0.9,)) for c in outcome(problem, r"\pi/2", r"\frac12\pi", r"\pi/2").candidates]
    fives = [replace(c, values=(0.8,)) for c in outcome(problem, "5", "5").candidates]
    record = BUILDER.build(Outcome(problem, [*fives, *candidates], Tokens()), grader)
    assert record.selected["majority"] == record.selected["weighted"] == SelectedAnswer(r"\pi/2", True)
    first, *_, last = [candidate.group for candidate in record.candidates]
    assert [candidate.group for candidate in record.candidates] == [first, first, last, last, last] and first != last


def test_a_candidate_without_an_answer_has_no_group(grader: Grader) -> None:
    record = BUILDER.build(outcome(PROBLEM, None, "2"), grader)
    assert [candidate.group for candidate in record.candidates] == [None, 0]


def test_the_route_that_a_controller_took_is_recorded(grader: Grader) -> None:
    given = outcome(PROBLEM, "2", "3")
    routed = replace(given, candidates=[replace(candidate, route="beam") for candidate in given.candidates])
    assert (BUILDER.build(routed, grader).route, BUILDER.build(given, grader).route) == ("beam", None)


def test_a_gold_that_is_a_worked_solution_is_graded_by_its_answer(grader: Grader) -> None:
    problem = replace(PROBLEM, gold=r"6 times 4 is \boxed{24}.")
    assert BUILDER.build(outcome(problem, "24"), grader).correct


def test_rows_are_sorted_by_id_in_whatever_order_they_finish_and_get_their_quintile(
    tmp_path: Path, grader: Grader
) -> None:
    with Recorder(tmp_path, BUILDER, grader) as recorder:
        recorder.add(outcome(OTHER, "4"))
        recorder.add(outcome(PROBLEM, "7"))
        records = recorder.finish()
        rows = [json.loads(row) for row in recorder.rows({"p2": 1})]
    assert [(row["id"], row["quintile"], row["correct"]) for row in rows] == [("p1", None, False), ("p2", 1, True)]
    assert rows[1]["candidates"][0]["text"] == "The answer is $\\boxed{4}$."
    assert records["p2"].candidates[0].text == ""  # memory does not grow with the texts
    assert list(tmp_path.iterdir()) == []


def test_trees_are_written_sorted_by_id_and_only_those_of_problems_that_were_searched(
    tmp_path: Path, grader: Grader
) -> None:
    tree = SearchTree((-1,), ("step\n",), (0.5,), (1,), (2,), ("step",), (False,), (0,))
    third = Problem("p0", "?", "1")
    with Recorder(tmp_path, BUILDER, grader) as recorder:
        recorder.add(replace(outcome(OTHER, "4"), tree=tree))
        recorder.add(outcome(PROBLEM, "7"))
        recorder.add(replace(outcome(third, "1"), tree=replace(tree, draws=(3,))))
        recorder.finish()
        rows = [json.loads(row) for row in recorder.trees()]
    assert [(row["id"], row["draws"]) for row in rows] == [("p0", [3]), ("p2", [2])]
    assert SearchTree.from_json(rows[1]) == tree


def test_a_lone_surrogate_in_a_text_is_written_and_read_back(tmp_path: Path, grader: Grader) -> None:
    problem = replace(PROBLEM, question="\ud800?")
    with Recorder(tmp_path, BUILDER, grader) as recorder:
        recorder.add(outcome(problem, "2"))
        recorder.finish()
        [row] = recorder.rows({})
    assert json.loads(row)["question"] == "\ud800?"


def test_an_error_in_the_thread_reaches_the_run_and_leaves_no_draft(tmp_path: Path, grader: Grader) -> None:
    class Broken(Grader):
        def grade(self, pairs: object) -> list[bool]:
            raise RuntimeError("no worker")

    with pytest.raises(RuntimeError, match="no worker"), Recorder(tmp_path, BUILDER, Broken()) as recorder:
        for _ in range(200):  # more than the queue holds: nothing blocks forever
            recorder.add(outcome(PROBLEM, "2"))
        recorder.finish()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_no_draft(tmp_path: Path, grader: Grader) -> None:
    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path, BUILDER, grader) as recorder:
        recorder.add(outcome(PROBLEM, "2"))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
