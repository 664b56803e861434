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
from ttc.errors import UserError
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


@pytest.mark.parametrize("lines", range(9))
@pytest.mark.parametrize("characters", [0, 1, 20])
def test_a_collection_killed_anywhere_resumes_to_the_same_rows(
    sampled: list[str], tmp_path: Path, lines: int, characters: int
) -> None:
    whole = collect_all(tmp_path / "whole.jsonl")
    sampled.clear()
    text = [json.dumps(row) + "\n" for row in [*whole, whole[-1] | {"id": "p4"}]]
    file = tmp_path / "train.jsonl"
    file.write_text("".join(text[:lines]) + text[lines][:characters])
    assert collect_all(file) == whole
    # A problem may have more rows than were written: only those before the last are known to be complete.
    assert sampled == [f"p{n}" for n in range(max(0, (lines - 1) // 2), 4) for _ in range(2)]


@pytest.mark.parametrize("content", ["[]\n", "{}\n", '{"id": 3}\n', "x\n", "\xff\n"])
def test_a_file_of_something_else_is_refused_in_one_line_and_left_unchanged(
    sampled: list[str], tmp_path: Path, content: str
) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=r"train\.jsonl:1 is not") as error:
        collect_all(file)
    assert "\n" not in str(error.value) and sampled == []
    assert file.read_text(encoding="latin-1") == content


def test_a_trace_is_graded_only_if_it_is_finished_and_has_an_answer() -> None:
    with Grader() as grader:
        is_correct = correctness_of(PROBLEM, grader)
        assert is_correct(solved(Trace(PROBLEM), "2")) is True
        assert is_correct(solved(Trace(PROBLEM), "3")) is False
        assert is_correct(grown(Trace(PROBLEM), "no answer", FinishReason.STOP)) is None
        assert is_correct(grown(Trace(PROBLEM), r"\boxed{2}", FinishReason.LENGTH)) is None
