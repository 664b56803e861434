"""`ttc store`: what is kept, as a table, a parquet file, or no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flows import PROBLEM, grown, solved
from typer.testing import CliRunner

from ttc.cli import app
from ttc.engines.base import EngineReply, Usage
from ttc.engines.stored import encode_reply
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.store.database import Store
from ttc.types import Sample, Score, Trace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of one sample and two scores."""
    trace = grown(Trace(PROBLEM), "a\n")
    sample, score = Sample(trace), Score(trace)
    bodies = [
        (b"1", "small", "sample", encode_reply(EngineReply(0, solved(trace), Usage(5, 0, 9)), sample)),
        (b"2", "judge", "score", encode_reply(EngineReply(0, 0.5, Usage(7)), score)),
        (b"3", "judge", "score", encode_reply(EngineReply(0, 0.25, Usage(0, 7)), score)),
    ]
    with Store(tmp_path / "store.sqlite") as store:
        store.keep(bodies)
    return tmp_path / "store.sqlite"


def ttc(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_the_contents_are_counted_by_engine(path: Path) -> None:
    code, output = ttc("store", "--path", path)
    assert code == 0
    assert [line.split()[:3] for line in output.splitlines()[2:]] == [["judge", "score", "2"], ["small", "sample", "1"]]


def test_the_export_has_a_row_a_reply(path: Path, tmp_path: Path) -> None:
    assert ttc("store", "export", tmp_path / "out.parquet", "--path", path)[0] == 0
    sample, _, score = pd.read_parquet(tmp_path / "out.parquet").to_dict("records")
    assert (sample["key"], sample["text"]) == ("31", "The answer is $\\boxed{2}$.")
    assert (sample["prompt"], sample["decoded"]) == (5, 9)
    assert score["value"] == 0.25 and pd.isna(score["text"])


def row(id_: str, correct: bool) -> dict[str, Any]:
    right = CandidateRecord("", "2", correct, "stop", (0.5, 0.75), tokens=9)
    chosen = {"weighted": SelectedAnswer("2", correct)}
    return ProblemRecord(id_, "2", correct, chosen, correct, (right,), "algebra", 3, 2, 1).to_json()


RUN = {
    "strategy": {"class": "BestOfN"},
    "data": {"name": "pocket"},
    "generator": {"model": "small"},
    "budget": 1,
    "seed": 7,
}


def test_results_are_kept_by_problem_and_a_rerun_replaces_them(path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        store.keep_results(RUN, [row("a", False), row("b", False)])
        store.keep_results(RUN, [row("a", True), row("b", False)])
        store.keep_results(RUN | {"seed": 8}, [row("a", True)])
    assert ttc("store", "export", tmp_path / "out.parquet", "--results", "--path", path)[0] == 0
    rows = pd.read_parquet(tmp_path / "out.parquet").to_dict("records")
    assert [(r["seed"], r["problem"], r["correct"]) for r in rows] == [(7, "a", True), (7, "b", False), (8, "a", True)]
    assert list(rows[0]["scores"]) == [0.75] and list(rows[0]["answers"]) == ["2"]
    shown = [line.split() for line in ttc("store", "--path", path)[1].splitlines()[-2:]]
    assert shown == [
        ["BestOfN", "pocket", "small", "1", "7", "2", "50.0"],
        ["BestOfN", "pocket", "small", "1", "8", "1", "100.0"],
    ]


def test_pruning_says_how_many_went(path: Path) -> None:
    assert ttc("store", "prune", "--engine", "judge", "--path", path) == (0, "2 replies deleted\n")
    assert ttc("store", "prune", "--before", "2000-01-01", "--path", path) == (0, "0 replies deleted\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["store", "prune"], "nothing chosen"),
        (["store", "prune", "--before", "soon"], "not a day"),
        (["store", "prune", "--engine", "jugde"], "judge, small"),
        (["store", "export", "missing/out.parquet"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_lost(path: Path, arguments: list[str], part: str) -> None:
    code, output = ttc(*arguments, "--path", path)
    assert (code, output.count("\n")) == (2, 1) and part in output
    assert ttc("store", "--path", path)[1].count("judge") == 1


def test_no_store_is_made_by_looking_for_one(tmp_path: Path) -> None:
    code, output = ttc("store", "--path", tmp_path / "none.sqlite")
    assert code == 2 and "no such store" in output
    assert list(tmp_path.iterdir()) == []
