"""Training data is collected into a file that an interrupted collection can resume."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from flows import PROBLEM, grown, solved
from scripted import ScriptedEngine

from ttc.engines.base import Draw
from ttc.engines.generator import VllmGenerator
from ttc.execution.runner import Outcome
from ttc.grading import Grader
from ttc.training import collect as module
from ttc.training.collect import IsCorrect, collect, correctness_of
from ttc.training.rollouts import sample_outcomes
from ttc.types import FinishReason, Problem, Reply, Request, Trace

PROBLEMS = [Problem(id=f"p{n}", question=f"{n}?", gold="2") for n in range(4)]


def rows_of(outcome: Outcome, is_correct: IsCorrect) -> Iterable[dict[str, object]]:
    for candidate in outcome.candidates:
        yield {"id": outcome.problem.id, "text": candidate.trace.text, "correct": is_correct(candidate.trace)}


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the problems that the generator was asked to solve, in order."""
    ids: list[str] = []

    def reply(request: Request, draw: Draw) -> Reply:
        ids.append(request.trace.problem.id)
        return solved(request.trace, "3" if request.trace.problem.id == "p3" else "2")

    monkeypatch.setattr(module, "start_engine", lambda config: ScriptedEngine(reply))
    return ids


def collect_all(file: Path) -> list[dict[str, object]]:
    collect(
        file,
        PROBLEMS,
        VllmGenerator(),
        lambda problem, is_correct: sample_outcomes(problem, 2, is_correct),
        rows_of,
        title="test",
        seed=0,
    )
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_collection_writes_graded_rows_once(sampled: list[str], tmp_path: Path) -> None:
    rows = collect_all(tmp_path / "train.jsonl")
    assert [(row["id"], row["correct"]) for row in rows] == [(f"p{n}", n < 3) for n in range(4) for _ in range(2)]
    assert collect_all(tmp_path / "train.jsonl") == rows
    assert len(sampled) == 8  # the second time nothing was sampled
    assert sorted(file.name for file in tmp_path.iterdir()) == ["train.done", "train.jsonl"]


def test_an_interrupted_collection_skips_finished_problems_and_replaces_its_unfinished_line(
    sampled: list[str], tmp_path: Path
) -> None:
    whole = collect_all(tmp_path / "whole.jsonl")
    sampled.clear()
    lines = [json.dumps(row) + "\n" for row in whole]
    file = tmp_path / "train.jsonl"
    file.write_text("".join(lines[:4]) + lines[4][:20])  # p0, p1, and a part of p2
    assert collect_all(file) == whole
    assert sampled == ["p2", "p2", "p3", "p3"]


def test_a_trace_is_graded_only_if_it_is_finished_and_has_an_answer() -> None:
    with Grader() as grader:
        is_correct = correctness_of(PROBLEM, grader)
        assert is_correct(solved(Trace(PROBLEM), "2")) is True
        assert is_correct(solved(Trace(PROBLEM), "3")) is False
        assert is_correct(grown(Trace(PROBLEM), "no answer", FinishReason.STOP)) is None
        assert is_correct(grown(Trace(PROBLEM), r"\boxed{2}", FinishReason.LENGTH)) is None
