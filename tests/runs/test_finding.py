"""Finished runs are found below a path, and identified by their settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_records import record, records, write_run

from ttc.errors import UserError
from ttc.runs.finding import Run, find_runs


def test_the_jobs_of_a_sweep_are_found_in_numerical_order_after_earlier_paths(tmp_path: Path) -> None:
    for job in (10, 0, 2):
        write_run(tmp_path / "sweep" / str(job), seed=job)
    write_run(tmp_path / "single", seed=99)
    runs = find_runs([tmp_path / "single", tmp_path / "sweep"])
    assert [run.summary["seed"] for run in runs] == [99, 0, 2, 10]
    assert [run.directory.name for run in runs] == ["single", "0", "2", "10"]


def test_unfinished_runs_are_not_found(tmp_path: Path) -> None:
    finished = write_run(tmp_path / "0")
    write_run(tmp_path / "1").summary_file.unlink()
    assert [run.directory for run in find_runs([tmp_path])] == [finished.path]


def test_a_path_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"nowhere holds no finished run \(no summary\.json\); give run or sweep"):
        find_runs([tmp_path / "run", tmp_path / "nowhere"])
    with pytest.raises(UserError, match=r"summary\.json cannot be read"):
        Run.load(tmp_path / "nowhere")


def test_settings_are_the_overrides_and_the_summary_but_not_the_seed_store_or_workers(tmp_path: Path) -> None:
    given = ["strategy.width=8", "seed=3", "store=off", "hydra.run.dir=x", "grading_workers=1", "workers=2"]
    write_run(tmp_path, overrides=given, strategy="beam", seed=3, prm=None)
    assert Run.load(tmp_path).settings == {
        **{"strategy.width": "8", "strategy": "beam", "budget": "4", "generator": "pocket"},
        **{"aggregation": "last", "data": "pocket"},
    }


def test_records_are_read_from_the_run_itself(tmp_path: Path) -> None:
    rows = [*records(), record("e", {"majority": True, "best": True, "weighted": True})]
    write_run(tmp_path, rows)
    assert Run.load(tmp_path).records == rows
