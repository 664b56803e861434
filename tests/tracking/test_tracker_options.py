"""`ttc run tracker=...` composes a tracker, or says on one line why there can be none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from command_line import CommandLine

from ttc.app.composing import compose_run
from ttc.tracking.mlflow import MlflowTracker
from ttc.tracking.tensorboard import TensorboardTracker
from ttc.tracking.wandb import WandbMode, WandbTracker


def test_no_run_is_tracked_unless_that_is_asked() -> None:
    assert compose_run([]).tracker is None


def test_the_keys_of_a_tracker_are_set_on_the_command_line() -> None:
    wandb = compose_run(["tracker=wandb", "tracker.mode=offline", "tracker.tags=[a,b]", "tracker.project=mine"]).tracker
    assert wandb == WandbTracker(project="mine", mode=WandbMode.offline, tags=["a", "b"])
    assert compose_run(["tracker=mlflow", "tracker.uri=file:x"]).tracker == MlflowTracker(uri="file:x")
    assert compose_run(["tracker=tensorboard"]).tracker == TensorboardTracker()


def test_a_class_of_another_package_joins_by_its_path() -> None:
    found = compose_run(["tracker._target_=recording_tracker.RecordingTracker", "tracker.fails=log"]).tracker
    assert type(found).__name__ == "RecordingTracker" and vars(found)["fails"] == "log"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["tracker=wandb"],
            "tracker=wandb: the package wandb is not installed; pip install wandb, or use tracker=none.",
        ),
        (["tracker=wand"], "tracker=wand: no such tracker; did you mean tracker=wandb?"),
        (["tracker=wandb", "tracker.mode=loud"], "tracker.mode=loud: not one of online, offline"),
        (["tracker=tensorboard", "tracker.project=x"], "tracker.project=x: no such key in TensorboardTracker"),
    ],
)
def test_what_cannot_be_tracked_is_one_line_and_nothing_is_run(
    ttc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], message: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *given: None if name == "wandb" else find(name, *given)
    )
    found = ttc("run", *overrides)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1) and message in found.err
    assert ttc.runs == [] and [*tmp_path.iterdir()] == []
