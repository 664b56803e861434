"""`ttc store` prints, exports and deletes replies and results."""

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
    """Return the path of a store that holds one sample and two scores."""
    trace = grown(Trace(PROBLEM), "a\n")
    sample, score = Sample(trace), Score(trace)
    rows = [
        (b"1", "small", "sample", encode_reply(EngineReply(0, solved(trace), Usage(5, 0, 9)), sample)),
        (b"2", "judge", "score", encode_reply(EngineReply(0, 0.5, Usage(7)), score)),
        (b"3", "judge", "score", encode_reply(EngineReply(0, 0.25, Usage(0, 7)), score)),
    ]
    with Store(tmp_path / "store.sqlite") as store:
        store.keep(rows)
    return tmp_path / "store.sqlite"


def ttc(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_replies_are_counted_by_engine(path: Path) -> None:
    code, output = ttc("store", "--path", path)
    assert code == 0
    assert [line.split()[:3] for line in output.splitlines()[2:]] == [["judge", "score", "2"], ["small", "sample", "1"]]


def test_the_export_has_one_row_per_reply(path: Path, tmp_path: Path) -> None:
    assert ttc("store", "export", tmp_path / "out.parquet", "--path", path)[0] == 0
    sample, _, score = pd.read_parquet(tmp_path / "out.parquet").to_dict("records")
    assert (sample["key"], sample["text"]) == ("31", "The answer is $\\boxed{2}$.")
    assert (sample["prompt"], sample["decoded"]) == (5, 9)
    assert score["value"] == 0.25 and pd.isna(score["text"])


def result(id_: str, correct: bool) -> dict[str, Any]:
    """Return a run's result on one problem."""
    candidate = CandidateRecord("", "2", correct, "stop", (0.5, 0.75), tokens=9)
    selected = {"weighted": SelectedAnswer("2", correct)}
    return ProblemRecord(id_, "2", correct, selected, correct, (candidate,), "algebra", 3, 2, 1).to_json()


RUN = {
    "strategy": {"class": "BestOfN"},
    "data": {"name": "pocket"},
    "generator": {"model": "small"},
    "budget": 1,
    "seed": 7,
}


def test_results_are_stored_per_problem_and_replaced_by_a_rerun(path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        store.keep_results(RUN, [result("a", False), result("b", False)])
        store.keep_results(RUN, [result("a", True), result("b", False)])
        store.keep_results(RUN | {"seed": 8}, [result("a", True)])
    assert ttc("store", "export", tmp_path / "out.parquet", "--results", "--path", path)[0] == 0
    rows = pd.read_parquet(tmp_path / "out.parquet").to_dict("records")
    assert [(r["seed"], r["problem"], r["correct"]) for r in rows] == [(7, "a", True), (7, "b", False), (8, "a", True)]
    assert list(rows[0]["scores"]) == [0.75] and list(rows[0]["answers"]) == ["2"]
    shown = [line.split() for line in ttc("store", "--path", path)[1].splitlines()[-2:]]
    assert shown == [
        ["BestOfN", "pocket", "small", "1", "7", "2", "50.0"],
        ["BestOfN", "pocket", "small", "1", "8", "1", "100.0"],
    ]


def test_damaged_replies_are_left_out_of_the_export_and_counted(path: Path, tmp_path: Path) -> None:
    bodies = ['{"value": 0.5}', "[1]", '{"steps": [["a"]], "usage": [1, 2, 3]}', '{"value": "x", "usage": [1, 0, 0]}']
    bodies += ['{"value": 1, "usage": [1e99, 0, 0]}', '{"value": 1, "usage": [99999999999, 0, 0]}', "[" * 5000]
    with Store(path) as store:
        store.keep([(bytes([n]), "judge", "score", body) for n, body in enumerate(bodies)])
        store._connection.execute("UPDATE replies SET body = 'x' WHERE key = ?", (b"2",))
    code, output = ttc("store", "export", tmp_path / "out.parquet", "--path", path)
    assert code == 0 and "2 replies written to" in output and output.endswith("8 damaged rows left out\n")
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 2


def test_damaged_results_are_left_out_and_counted(path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        store.keep_results(RUN, [result("a", True), result("b", False), result("c", True), result("d", True)])
        store._connection.execute("UPDATE results SET body = '{' WHERE problem = 'a'")
        store._connection.execute("UPDATE results SET body = '{}' WHERE problem = 'b'")
        store._connection.execute("UPDATE results SET run = '{\"budget\": 1}' WHERE problem = 'c'")
    code, output = ttc("store", "export", tmp_path / "out.parquet", "--results", "--path", path)
    assert (
        (code, output.count("\n")) == (0, 2) and "1 results written" in output and "3 damaged rows left out" in output
    )
    code, output = ttc("store", "--path", path)
    assert code == 0 and "BestOfN" in output and "3 damaged rows left out" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["store", "export", f"{__file__}/out.parquet"], "cannot be written"),
        (["store", "export", "absent/out.parquet"], "absent/out.parquet cannot be written"),
    ],
)
def test_an_error_is_one_line_and_deletes_nothing(path: Path, arguments: list[str], message: str) -> None:
    code, output = ttc(*arguments, "--path", path)
    assert (code, output.count("\n")) == (2, 1) and message in output
    assert ttc("store", "--path", path)[1].count("judge") == 1


def test_a_missing_store_is_refused_and_not_created(tmp_path: Path) -> None:
    code, output = ttc("store", "--path", tmp_path / "none.sqlite")
    assert code == 2 and "no such store" in output
    assert list(tmp_path.iterdir()) == []
