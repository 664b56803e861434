"""scripts/tools/publish_runs.py: copies of runs without texts and paths, from which the same tables come."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from run_records import records, write_run
from tools import load_tool

from ttc.errors import UserError
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import find_runs


def test_a_copy_has_the_tables_and_outcomes_of_the_run_and_none_of_its_texts_and_paths(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "secret" / "bon",
        generator="/home/someone/model",
        models={"prm": {"name": "~/prm"}},
        overrides=[
            "prm.model=/home/someone/prm",
            "data.path='/home/some one/a b.jsonl'",
            'difficulty.path=[/home/someone/x,"~/y/z"]',
            "data.limit=4",
            "generator.stop=[a/b, /]",
        ],
    )
    load_tool("publish_runs").publish([run.path], tmp_path / "out")
    copy = tmp_path / "out" / "bon"
    assert {file.name for file in copy.iterdir()} == {"accuracy.csv", "problems.jsonl", "summary.json"}
    assert (copy / "accuracy.csv").read_bytes() == run.accuracy_file.read_bytes()
    [found] = find_runs([copy])
    assert found.summary["generator"] == "model" and found.summary["models"]["prm"]["name"] == "prm"
    assert found.summary["overrides"] == [
        "prm.model=prm",
        "data.path='a b.jsonl'",
        'difficulty.path=[x,"z"]',
        "data.limit=4",
        "generator.stop=[a/b, /]",
    ]
    for own, expected in zip(found.records, records(), strict=True):
        assert (own.id, own.selected, own.pass1) == (expected.id, expected.selected, expected.pass1)
        assert own.question is None and {candidate.text for candidate in own.candidates} == {""}
        assert [candidate.values for candidate in own.candidates] == [(0.25, 0.1)] * 4


def test_a_directory_without_a_run_is_refused_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        load_tool("publish_runs").main([tmp_path], tmp_path / "out")
    error = capsys.readouterr().err
    assert stopped.value.exit_code == 2 and error.startswith("error: ") and error.count("\n") == 1


def test_files_of_two_runs_are_not_published(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    run.accuracy_file.write_text("kind,name\n")
    with pytest.raises(UserError, match=r"accuracy\.csv is not the file that summary\.json was written with"):
        load_tool("publish_runs").publish([run.path], tmp_path / "out")
    assert not RunDirectory(tmp_path / "out" / "run").path.exists()
