"""A run reports its config, progress and results, and is the same run with any tracker or none."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from recording_tracker import RecordingTracker
from wordy import Wordy

from ttc.config import RunConfig
from ttc.data.base import Dataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.errors import RunError, UserError
from ttc.execution import tracking
from ttc.execution.experiment import execute
from ttc.execution.identity import identity_of
from ttc.execution.summary import stored_settings
from ttc.execution.tracking import plain_config
from ttc.runs.finding import Run
from ttc.selection import SelectionRule
from ttc.store.database import SqliteStore
from ttc.strategies.parallel import Majority
from ttc.tracking.base import Tracker
from ttc.tracking.mlflow import MlflowTracker
from ttc.tracking.reporter import Reporter
from ttc.tracking.tensorboard import TensorboardTracker
from ttc.tracking.wandb import WandbMode, WandbTracker
from ttc.types import Problem


@dataclass
class Few(Dataset):
    """Problems that `Wordy` answers with 2."""

    def read(self) -> list[Problem]:
        return [Problem(f"p{number}", f"{number}?", gold) for number, gold in enumerate(("2", "2", "3"))]


def config(tracker: Tracker | None) -> RunConfig:
    return RunConfig(
        strategy=Majority(),
        generator=Wordy(),
        data=Few(name="few"),
        difficulty=OracleDifficulty(),
        selection=SelectionRule.majority,
        budget=4,
        tracker=tracker,
    )


def test_a_run_reports_its_config_its_progress_and_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "Reporter", partial(Reporter, log_seconds=0))
    tracker = RecordingTracker()
    execute(config(tracker), tmp_path)
    [run] = tracker.runs
    assert (run.name, run.directory) == ("majority 4 few seed 0", tmp_path)
    assert run.config == plain_config(config(None)) and "tracker" not in run.config
    assert run.config["strategy"] == {"_target_": "ttc.strategies.parallel.Majority"}
    assert run.config["budget"] == 4 and run.config["selection"] == "majority"
    assert tracker.logged and all({"problems", "tokens_per_second"} <= metrics.keys() for _, metrics in tracker.logged)
    [(summary, table)] = tracker.finished
    assert summary["accuracy"] == pytest.approx(2 / 3)
    assert table.file == tmp_path / "accuracy.csv" and table.file.is_file()
    assert table.columns == ["kind", "group", "selection", "accuracy", "lo", "hi", "n"]
    assert ("overall", "all", "majority") in {row[:3] for row in table.rows}


def test_a_tracker_that_fails_leaves_the_run_as_it_is_without_one(tmp_path: Path) -> None:
    for name, tracker in (("none", None), ("gone", RecordingTracker(fails="start"))):
        execute(config(tracker), tmp_path / name)
    for file in ("problems.jsonl", "accuracy.csv"):
        assert (tmp_path / "gone" / file).read_bytes() == (tmp_path / "none" / file).read_bytes()
    found = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("none", "gone")]
    assert found[0] | {"seconds": {}} == found[1] | {"seconds": {}}


def test_a_run_that_stops_is_reported_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise RunError("the disk is full")

    monkeypatch.setattr("ttc.execution.experiment.solve_within_limit", stop)
    tracker = RecordingTracker()
    with pytest.raises(RunError):
        execute(config(tracker), tmp_path)
    assert tracker.calls == ["start", "abort"]


TRACKERS = [
    None,
    WandbTracker(project="other", mode=WandbMode.offline, tags=["a"]),
    MlflowTracker(uri="file:x"),
    TensorboardTracker("elsewhere"),
]


def test_no_setting_of_a_tracker_is_part_of_what_identifies_a_run_or_its_stored_results() -> None:
    runs = [replace(config(tracker), store=SqliteStore()) for tracker in TRACKERS]
    assert len({identity_of(run).digest for run in runs}) == 1
    assert len({json.dumps(stored_settings(run, 4), default=str) for run in runs}) == 1
    assert len({run.generator.fingerprint() for run in runs}) == 1


def test_runs_that_differ_in_their_tracker_are_compared_as_one_setting() -> None:
    summary = {"strategy": "beam", "budget": 4}
    given = [{"budget": "4"}, {"budget": "4", "tracker": "wandb", "tracker.project": "x"}]
    first, second = (Run(Path("run"), overrides, summary).settings for overrides in given)
    assert first == second


@pytest.mark.parametrize("tracker", TRACKERS[1:])
def test_a_package_that_is_missing_is_one_line_before_anything_is_read(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(Few, "read", lambda self: pytest.fail("the data was read"))
    with pytest.raises(UserError) as caught:
        execute(config(tracker), tmp_path)
    name = tracker.package
    assert str(caught.value) == (
        f"tracker={name}: the package {name} is not installed; pip install {name}, or use tracker=none."
    )
