"""A run's directory: usable, of the same settings, and held by one process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import CommandLine
from run_records import write_run

from ttc.config import RunConfig
from ttc.execution.identity import identity_of
from ttc.runs.holding import hold

UNUSABLE = {
    "hydra.run.dir=file": "file is not a directory",
    "hydra.run.dir=file/deep/run": "Not a directory",
    "hydra.run.dir=broken": "is a broken link",
    "hydra.run.dir=/dev/null": "/dev/null is not a directory",
    f"hydra.run.dir={'x' * 300}": "File name too long",
    f"hydra.run.dir=new/deep/{'x' * 300}/run": "File name too long",
    "-m budget=4,8 hydra.sweep.dir=file": "Not a directory",
    "-m budget=4,8 hydra.sweep.dir=new hydra.sweep.subdir=../file": "cannot be used",
}


@pytest.mark.parametrize("arguments", UNUSABLE)
def test_a_directory_that_cannot_be_used_is_one_line_before_anything_runs(
    ttc: CommandLine, tmp_path: Path, arguments: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    outcome = ttc("run", *arguments.split())
    line = outcome.err.splitlines()[-1]
    assert UNUSABLE[arguments] in line and line.startswith("error: hydra.") and outcome.code == 2
    assert line.endswith("; choose a directory that can be written.") and ttc.runs == []


class Results:
    """Stands for an experiment that writes its results."""

    def __init__(self, ttc: CommandLine) -> None:
        self._record = ttc.experiment

    def __call__(self, config: RunConfig, directory: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
        write_run(directory, identity=identity_of(config, overrides))
        return self._record(config, directory, overrides)


@pytest.fixture
def results(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["ttc.execution.experiment"], "run_experiment", Results(ttc))


def test_a_run_of_other_settings_is_refused_before_hydra_writes_anything(
    ttc: CommandLine, results: None, tmp_path: Path
) -> None:
    assert ttc("run", "budget=4", "store=off", "hydra.run.dir=here").code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file()}
    outcome = ttc("run", "budget=8", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "holds a finished run of other settings (budget=4 store=off); choose another directory" in outcome.err
    assert {path: path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file()} == before
    assert ttc("run", "budget=4", "workers=2", "hydra.run.dir=here").code == 0  # the same results


def test_a_sweep_over_finished_jobs_of_other_settings_is_refused_before_its_first_job(
    ttc: CommandLine, results: None, tmp_path: Path
) -> None:
    assert ttc("run", "-m", "budget=4,8", "hydra.sweep.dir=here").code == 0
    assert ttc("run", "-m", "budget=4,8", "hydra.sweep.dir=here").code == 0
    ttc.runs.clear()
    outcome = ttc("run", "-m", "budget=4,16", "hydra.sweep.dir=here")
    assert (outcome.code, outcome.err.count("\n"), ttc.runs) == (2, 1, [])
    assert "hydra.sweep.dir: " in outcome.err and "here/1 holds a finished run of other settings" in outcome.err


def test_a_directory_that_another_process_writes_is_refused(ttc: CommandLine, tmp_path: Path) -> None:
    with hold(tmp_path / "here"):
        outcome = ttc("run", "hydra.run.dir=here")
    assert outcome.code == 2 and "is being written by another process" in outcome.err and ttc.runs == []


@pytest.mark.parametrize("arguments", [["seed=3"], ["-m", "seed=3,4"]])
def test_a_full_disk_ends_run_and_sweep_with_one_line(ttc: CommandLine, arguments: list[str]) -> None:
    ttc.raises[3] = OSError(28, "No space left on device", "/some/file")
    outcome = ttc("run", *arguments)
    assert (outcome.code, len(ttc.runs)) == (1, 1)
    assert outcome.err.splitlines()[-1].startswith("error: /some/file: No space left on device; make room on the disk")
    assert "Traceback" not in outcome.err


def test_a_full_disk_is_one_line_while_hydra_writes_too(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hydra.core.utils._save_config", full)
    outcome = ttc("run", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n"), ttc.runs) == (1, 1, [])
    assert "here: No space left on device; make room on the disk" in outcome.err
