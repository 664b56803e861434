"""A run directory is written atomically, and read back exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_records import records, rows_of, write_run

from ttc.analysis.accuracy import accuracy_table
from ttc.cost import Tokens
from ttc.errors import UserError
from ttc.runs.directory import RunDirectory, read_records
from ttc.runs.records import CandidateRecord, ProblemRecord

SUMMARY = {"accuracy": 1 / 3, "notes": ["é"], "flops": {"paper": 1.5e12, "full": None}}


def table(rows: list[ProblemRecord] | None = None) -> pd.DataFrame:
    return accuracy_table(rows or records(), independent=True)


# --- writing


def test_identical_results_are_written_byte_for_byte_alike(tmp_path: Path) -> None:
    RunDirectory(tmp_path / "one").write(SUMMARY, table(), rows_of(records()))
    RunDirectory(tmp_path / "two").write(dict(reversed(SUMMARY.items())), table(), rows_of(records()))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["accuracy.csv", "problems.jsonl", "summary.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_written_run_can_be_read_again(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    value = float(np.float32(0.1))
    rows = [replace(records()[0], candidates=(CandidateRecord("t", "1", True, "stop", (value, math.nan)),))]
    run.write({"accuracy": 1 / 3, "bad": math.inf}, table(), rows_of(rows))
    assert run.summary().items() >= {"accuracy": 0.333333, "bad": None}.items()
    assert run.records()[0].candidates[0].values == pytest.approx((value, math.nan), rel=0, abs=0, nan_ok=True)
    assert pd.read_csv(run.accuracy_file).columns[:3].tolist() == ["kind", "group", "selection"]
    assert read_records(run.problems_file)[0].tokens == Tokens(10, 0, 28, 30)


def test_a_text_with_exotic_line_ends_stays_one_row(tmp_path: Path) -> None:
    text = "one\u2028two\x85three"
    rows = [replace(records()[0], candidates=(CandidateRecord(text, "1", True),))]
    RunDirectory(tmp_path).write({}, table(rows), rows_of(rows))
    assert RunDirectory(tmp_path).records()[0].candidates[0].text == text


def test_a_failed_write_keeps_the_old_files_and_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path)
    run.write({"accuracy": 1.0}, table(), rows_of(records()))

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        run.write({"accuracy": 0.0}, table(), [])
    assert len(run.records()) == 4
    assert run.summary()["accuracy"] == 1.0
    run.refuse_mixture(run.summary())
    assert len(list(tmp_path.iterdir())) == 3


def test_an_interrupted_write_leaves_no_summary(tmp_path: Path) -> None:
    def interrupted() -> Iterator[str]:
        yield rows_of(records())[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunDirectory(tmp_path).write(SUMMARY, table(), interrupted())
    assert list(tmp_path.iterdir()) == []


# --- reading


def test_a_file_of_other_rows_is_refused_with_the_line(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match=r"problems\.jsonl cannot be read"):
        run.records()
    good = json.dumps(records()[0].to_json())
    for bad, rule in (
        ("{", "is not JSON"),
        ("[]", "is not a row of a run"),
        ("{}", "is not a row of a run"),
        ('{"id": "a", "selected": {}, "candidates": [3]}', "is not a row of a run"),
    ):
        run.problems_file.write_text(f"{good}\n{bad}\n")
        with pytest.raises(UserError) as error:
            run.records()
        message = str(error.value)
        assert f"problems.jsonl:2 {rule} (" in message
        assert message.endswith("; give the directory of a finished run.") and "\n" not in message


def test_a_directory_without_a_summary_is_refused(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(UserError, match=r"summary\.json cannot be read .*; give the directory of a finished run\."):
        run.summary()
    run.summary_file.write_text('{"accuracy": ')
    with pytest.raises(UserError, match=r"summary\.json is not JSON .*; give the directory of a finished run\."):
        run.summary()
    run.summary_file.write_text("[1]")
    with pytest.raises(UserError, match=r"summary\.json is not a JSON object"):
        run.summary()


def test_overrides_are_those_of_the_command_line(tmp_path: Path) -> None:
    given = [r"strategy.ratio=1\:4", "+prm.weights.orm=2", "++seed=3", "~store", "data.path=a=b.jsonl"]
    run = write_run(tmp_path / "run", overrides=given)
    assert run.overrides() == {
        "strategy.ratio": "1:4",  # the jobs of a sweep have their colons escaped
        "prm.weights.orm": "2",
        "seed": "3",
        "store": "",
        "data.path": "a=b.jsonl",
    }
    assert write_run(tmp_path / "alone").overrides() == {}
    assert write_run(tmp_path / "plain", overrides=[]).overrides() == {}


def test_overrides_that_are_not_a_list_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path, overrides=["budget=4"])
    (tmp_path / ".hydra" / "overrides.yaml").write_text("budget: 4\n")
    with pytest.raises(UserError, match=r"overrides\.yaml is not a list of overrides"):
        run.overrides()
