"""A run takes the problems that its data settings choose, and says which rows were left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from wordy import Wordy

from ttc.config import RunConfig
from ttc.data.datasets import TabularDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.execution.experiment import execute
from ttc.selection import SelectionRule
from ttc.strategies.parallel import Majority


def run(directory: Path, lines: list[str], **settings: Any) -> dict[str, Any]:
    file = directory / "rows.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    config = RunConfig(
        strategy=Majority(),
        generator=Wordy(),
        data=TabularDataset(path=str(file), **settings),
        difficulty=OracleDifficulty(),
        selection=SelectionRule.majority,
        budget=2,
    )
    return execute(config, directory / "run").summary


def solved(directory: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (directory / "run" / "problems.jsonl").read_text().splitlines()]


def row(number: int) -> str:
    return json.dumps({"id": f"p{number}", "problem": f"{number}?", "answer": "2"})


def test_a_start_chooses_among_the_later_problems_only(tmp_path: Path) -> None:
    summary = run(tmp_path, [row(number) for number in range(9)], start=4, limit=3)
    assert set(solved(tmp_path)) < {"p4", "p5", "p6", "p7", "p8"}
    assert (summary["n_problems"], summary["n_problems_available"]) == (3, 5)


def test_skipped_rows_are_in_the_notes_and_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = run(tmp_path, [row(0), "{", row(1)], skip_bad_rows=True)
    assert solved(tmp_path) == ["p0", "p1"]
    [note] = [note for note in summary["notes"] if "skipped" in note]
    assert note.startswith("warning: 1 bad row was skipped") and "rows.jsonl:2 is not JSON" in note
    assert capsys.readouterr().err.count("bad row") == 1
