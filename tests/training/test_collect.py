"""Training data is collected into a file that an interrupted collection can resume."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flows import PROBLEM, grown, solved
from scripted import ScriptedEngine

from ttc.cost import ModelShape
from ttc.engines import base
from ttc.engines.base import Draw, Engine, EngineConfig, add_holder, running_engines, start_engine
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.execution import executor
from ttc.execution.runner import Outcome
from ttc.grading import Grader
from ttc.store.database import SqliteStore
from ttc.training import collect as module
from ttc.training.collect import MAX_KEPT_PARAMETERS, IsCorrect, collect, correctness_of, end_collecting
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

    monkeypatch.setattr(executor, "start_engine", lambda config, memory=None: ScriptedEngine(reply))
    return ids


def collect_all(file: Path, store: SqliteStore | None = None) -> list[dict[str, object]]:
    collect(
        file,
        PROBLEMS,
        VllmGenerator(),
        lambda problem, is_correct: sample_outcomes(problem, 2, is_correct),
        rows_of,
        title="test",
        seed=0,
        store=store,
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


def test_a_collection_with_a_store_samples_nothing_twice(sampled: list[str], tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.sqlite"))
    rows = collect_all(tmp_path / "first.jsonl", store)
    assert len(sampled) == 8
    assert collect_all(tmp_path / "second.jsonl", store) == rows
    assert len(sampled) == 8


def test_a_killed_collection_with_a_store_samples_only_what_no_reply_had_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def reply(request: Request, draw: Draw) -> Reply:
        nonlocal asked
        asked += 1
        if asked == 6:
            raise KeyboardInterrupt
        return solved(request.trace, "2")

    monkeypatch.setattr(executor, "start_engine", lambda config, memory=None: ScriptedEngine(reply))
    store = SqliteStore(str(tmp_path / "store.sqlite"))
    with pytest.raises(KeyboardInterrupt):
        collect_all(tmp_path / "train.jsonl", store)
    assert len(collect_all(tmp_path / "train.jsonl", store)) == 8
    assert asked == 5 + 1 + 3  # the interrupted one is asked again


def test_the_rows_of_a_problem_are_in_the_file_before_the_next_problem_is_solved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, rows = tmp_path / "train.jsonl", []

    def reply(request: Request, draw: Draw) -> Reply:
        rows.append(file.read_text().count("\n"))
        return solved(request.trace, "2")

    monkeypatch.setattr(executor, "start_engine", lambda config, memory=None: ScriptedEngine(reply))
    collect_all(file)
    assert rows == [0, 0, 2, 2, 4, 4, 6, 6]


def launched(monkeypatch: pytest.MonkeyPatch, rank: int) -> None:
    for name, value in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))


def test_only_the_main_process_samples_and_the_others_wait_until_it_is_done(
    sampled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            launched(monkeypatch, rank=0)
            collect_all(tmp_path / "train.jsonl")
            launched(monkeypatch, rank=1)

    monkeypatch.setattr("ttc.training.processes.time.sleep", sleep)
    launched(monkeypatch, rank=1)
    assert len(collect_all(tmp_path / "train.jsonl")) == 8
    assert len(waits) == 3 and len(sampled) == 8


def test_the_engine_of_a_collection_does_not_see_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, rank=0)
    seen: list[str] = []

    def reply(request: Request, draw: Draw) -> Reply:
        seen.extend(name for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE") if name in os.environ)
        return solved(request.trace, "2")

    monkeypatch.setattr(executor, "start_engine", lambda config, memory=None: ScriptedEngine(reply))
    assert len(collect_all(tmp_path / "train.jsonl")) == 8
    assert seen == [] and os.environ["WORLD_SIZE"] == "2"


@dataclass
class Model(EngineConfig):
    """An engine that holds memory until it is released."""

    releases: int = 0

    @property
    def name(self) -> str:
        return "model"

    def start(self) -> Engine:
        add_holder(self)
        return ScriptedEngine(lambda request, draw: 0.0)

    def release(self) -> None:
        self.releases += 1

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("parameters", "device", "rank", "released"),
    [
        (MAX_KEPT_PARAMETERS, "cpu", None, False),
        (MAX_KEPT_PARAMETERS + 1, "cpu", None, True),
        (MAX_KEPT_PARAMETERS, "cuda", None, True),
        (MAX_KEPT_PARAMETERS, "cpu", 0, True),
    ],
)
def test_the_generator_is_released_before_the_fit_unless_it_is_in_nobodys_way(
    parameters: int, device: str, rank: int | None, released: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_engines", {})
    monkeypatch.setattr(base, "_holders", weakref.WeakSet())
    monkeypatch.setattr(module, "pick_device", lambda: device)
    if rank is not None:
        launched(monkeypatch, rank)
    shape = ModelShape(parameters, parameters, 1, 1)
    monkeypatch.setattr(module, "shape_of", lambda source, revision: shape)
    config = Model()
    start_engine(config)
    end_collecting(VllmGenerator())
    assert config.releases == released and bool(running_engines()) is not released
