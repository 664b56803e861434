"""Finished problems are graded in a thread, and written sorted, completely or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flows import OTHER, PROBLEM, solved

from ttc.cost import Tokens
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.runner import Outcome
from ttc.grading import Grader
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
