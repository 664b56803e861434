"""Each tracker makes the calls that its package knows: on fakes of exactly these, and on the package where it is."""

from __future__ import annotations

import importlib.machinery
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ttc.errors import UserError
from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker
from ttc.tracking.mlflow import MlflowTracker
from ttc.tracking.tensorboard import TensorboardTracker
from ttc.tracking.wandb import WandbMode, WandbTracker

CONFIG = {"strategy": {"_target_": "ttc.strategies.beam.Beam", "width": 4}, "prompt": "x" * 9000, "budget": 16}
SUMMARY = {"accuracy": 0.75, "strategy": "beam", "selections": {"pass@1": {"accuracy": 0.5, "ci95": [0.25, 1.0]}}}


def table(directory: Path) -> TrackedTable:
    file = directory / "accuracy.csv"
    file.write_text("group,accuracy\nall,0.75\n")
    return TrackedTable(["group", "accuracy"], [("all", 0.75), ("a|b", 0.5)], file)


def tracked(tracker: Tracker, directory: Path) -> Session:
    """Track a run from its start to its end."""
    session = tracker.start(TrackedRun("beam 16", directory, CONFIG))
    session.log(0, {"problems": 1, "accuracy": 1.0})
    session.log(1, {"problems": 2, "accuracy": 0.5})
    session.finish(SUMMARY, table(directory))
    return session


def fake(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_a_package_that_is_broken_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("libx.so:\nno such file")

    fake(monkeypatch, "tensorboard")
    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(UserError) as caught:
        TensorboardTracker().check()
    assert str(caught.value) == (
        "tracker=tensorboard: the package tensorboard cannot be imported (libx.so: no such file); install it anew, or "
        "use tracker=none."
    )


# --- Weights & Biases


class FakeWandbRun:
    def __init__(self) -> None:
        self.logged: list[tuple[Mapping[str, Any], int | None]] = []
        self.summary: dict[str, Any] = {}
        self.exit_code: int | None = None

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        self.logged.append((data, step))

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


class FakeWandb:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, logged_in: bool = True) -> None:
        self.run, self.given = FakeWandbRun(), dict[str, Any]()
        self.logged_in = logged_in
        fake(
            monkeypatch, "wandb", init=self.init, login=self.login, Table=lambda columns, data: (columns, data),
            Settings=lambda silent, console="auto": ("settings", silent, console), setup=lambda settings: None,
        )  # fmt: skip

    def init(self, **given: Any) -> FakeWandbRun:
        self.given = given
        return self.run

    def login(self, *, prompt: bool, verify: bool) -> bool:
        assert not prompt and not verify  # neither a question on the terminal nor the network
        return self.logged_in


def test_wandb_gets_the_config_progress_summary_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeWandb(monkeypatch)
    tracked(WandbTracker(project="p", group="g", tags=["t"], mode=WandbMode.offline), tmp_path)
    assert client.given["config"] == CONFIG and client.given["dir"] == str(tmp_path)
    assert {key: client.given[key] for key in ("project", "entity", "name", "group", "tags", "mode", "reinit")} == {
        **{"project": "p", "entity": None, "name": "beam 16", "group": "g", "tags": ["t"]},
        **{"mode": "offline", "reinit": "create_new"},
    }
    first, second, last = client.run.logged
    assert (first, second) == (({"problems": 1, "accuracy": 1.0}, 0), ({"problems": 2, "accuracy": 0.5}, 1))
    assert last == ({"accuracy_table": (["group", "accuracy"], [["all", 0.75], ["a|b", 0.5]])}, None)
    assert client.run.summary == {"accuracy": 0.75, "selections.pass@1.accuracy": 0.5}
    assert client.run.exit_code == 0


def test_a_failed_run_ends_as_such_at_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeWandb(monkeypatch)
    WandbTracker().start(TrackedRun("x", tmp_path, {})).abort()
    assert client.run.exit_code == 1


def test_wandb_online_without_a_login_is_refused_and_offline_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeWandb(monkeypatch, logged_in=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    with pytest.raises(UserError, match=r"tracker=wandb: not logged in; run `wandb login`, set WANDB_API_KEY, or use"):
        WandbTracker().check()
    WandbTracker(mode=WandbMode.offline).check()
    monkeypatch.setenv("WANDB_MODE", "offline")
    WandbTracker().check()
    with pytest.raises(UserError, match="not logged in"):
        WandbTracker(mode=WandbMode.online).check()


def test_wandb_itself_writes_an_offline_run(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    tracked(WandbTracker(mode=WandbMode.offline), tmp_path)
    [written] = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    content = written.read_bytes()
    assert b"beam 16" in content and b"ttc.strategies.beam.Beam" in content and b"tokens_per" not in content
    [rows] = (tmp_path / "wandb").glob("offline-run-*/files/media/table/*.json")
    assert json.loads(rows.read_text())["data"] == [["all", 0.75], ["a|b", 0.5]]


# --- MLflow


class FakeMlflow:
    """Keeps what the client was given, and refuses what a server refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.uri: str | None = None
        self.params: dict[str, str] = {}
        self.metrics: list[tuple[str, float, int]] = []
        self.dicts: dict[str, Any] = {}
        self.artifacts: list[str] = []
        self.status = ""
        self.experiments: list[str] = []
        entities = {
            "Param": lambda key, value: SimpleNamespace(key=key, value=value),
            "Metric": lambda key, value, timestamp, step: SimpleNamespace(key=key, value=value, step=step),
        }
        fake(monkeypatch, "mlflow", MlflowClient=self.client)
        fake(monkeypatch, "mlflow.entities", **entities)

    def client(self, tracking_uri: str | None) -> FakeMlflow:
        self.uri = tracking_uri
        return self

    def get_experiment_by_name(self, name: str) -> SimpleNamespace | None:
        return SimpleNamespace(experiment_id="7") if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        self.experiments.append(name)
        return "7"

    def create_run(self, experiment_id: str, run_name: str) -> SimpleNamespace:
        assert experiment_id == "7"
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = ()) -> None:
        assert len(params) <= 100 and len(metrics) <= 1000
        for entry in (*metrics, *params):
            assert set(entry.key) <= {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./ "}
        self.params |= {param.key: param.value for param in params}
        self.metrics += [(metric.key, metric.value, metric.step) for metric in metrics]

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        self.dicts[artifact_file] = dictionary

    def log_artifact(self, run_id: str, local_path: str) -> None:
        self.artifacts.append(local_path)

    def set_terminated(self, run_id: str, status: str) -> None:
        self.status = status


def test_mlflow_gets_the_config_progress_summary_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeMlflow(monkeypatch)
    for _ in range(2):  # the experiment is created once
        tracked(MlflowTracker(uri="http://host:5000", experiment="e"), tmp_path)
    assert (client.uri, client.experiments, client.status) == ("http://host:5000", ["e"], "FINISHED")
    assert client.params["strategy.width"] == "4" and len(client.params["prompt"]) == 500
    assert client.metrics[: len(client.metrics) // 2] == [
        *(("problems", 1, 0), ("accuracy", 1.0, 0), ("problems", 2, 1), ("accuracy", 0.5, 1)),
        *(("accuracy", 0.75, 2), ("selections.pass_1.accuracy", 0.5, 2)),
    ]
    assert client.dicts == {"config.json": CONFIG, "ttc_summary.json": SUMMARY}
    assert set(client.artifacts) == {str(tmp_path / "accuracy.csv")}


def test_a_failed_run_ends_as_such_at_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeMlflow(monkeypatch)
    MlflowTracker().start(TrackedRun("x", tmp_path, {})).abort()
    assert client.status == "FAILED"


def test_a_blank_experiment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMlflow(monkeypatch)
    with pytest.raises(UserError, match=r"tracker.experiment=' ' is blank"):
        MlflowTracker(experiment=" ").check()


def test_mlflow_itself_writes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    uri = f"file:{tmp_path / 'mlruns'}"
    tracked(MlflowTracker(uri=uri), tmp_path)
    client = mlflow.MlflowClient(tracking_uri=uri)
    [run] = client.search_runs([client.get_experiment_by_name("ttc").experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "beam 16")
    assert run.data.params["strategy.width"] == "4"
    assert run.data.metrics == {"problems": 2, "accuracy": 0.75, "selections.pass_1.accuracy": 0.5}
    names = {entry.path for entry in client.list_artifacts(run.info.run_id)}
    assert names == {"config.json", "ttc_summary.json", "accuracy.csv"}


# --- TensorBoard


def test_tensorboard_itself_reads_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracked(TensorboardTracker(), tmp_path)
    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("accuracy")] == [(0, 1.0), (1, 0.5)]
    assert [(event.step, event.value) for event in read.Scalars("summary/accuracy")] == [(2, 0.75)]
    [config], [rows] = (read.Tensors(tag) for tag in ("config", "accuracy_table"))
    assert json.loads(config.tensor_proto.string_val[0]) == CONFIG  # indentation is whitespace to JSON
    assert rows.tensor_proto.string_val[0].decode().splitlines() == [
        "| group | accuracy |",
        "| --- | --- |",
        "| all | 0.75 |",
        "| a\\|b | 0.5 |",
    ]


class FakeMessage(SimpleNamespace):
    """A protocol buffer, and those that are declared in it."""

    Value = PluginData = Dim = SimpleNamespace


class FakeEventWriter:
    written: list[Any]

    def __init__(self, directory: str) -> None:
        type(self).written = [directory]

    def add_event(self, event: Any) -> None:
        self.written.append(event)

    def flush(self) -> None:
        self.written.append("flush")

    def close(self) -> None:
        self.written.append("close")


def test_tensorboard_gets_scalars_texts_and_a_flush_after_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = "tensorboard.compat.proto"
    for name in ("tensorboard", "tensorboard.compat", proto, "tensorboard.summary", "tensorboard.summary.writer"):
        fake(monkeypatch, name)
    fake(monkeypatch, "tensorboard.summary.writer.event_file_writer", EventFileWriter=FakeEventWriter)
    fake(monkeypatch, f"{proto}.summary_pb2", Summary=FakeMessage, SummaryMetadata=FakeMessage)
    fake(monkeypatch, f"{proto}.event_pb2", Event=FakeMessage)
    fake(monkeypatch, f"{proto}.tensor_pb2", TensorProto=FakeMessage)
    fake(monkeypatch, f"{proto}.tensor_shape_pb2", TensorShapeProto=FakeMessage)
    tracked(TensorboardTracker("elsewhere"), tmp_path)
    directory, *events, last = FakeEventWriter.written
    assert (directory, last, events[1::2]) == ("elsewhere", "close", ["flush"] * 5)
    found = [(event.step, value.tag) for event in events[::2] for value in event.summary.value]
    assert found == [
        *((0, "config"), (0, "problems"), (0, "accuracy"), (1, "problems"), (1, "accuracy")),
        *((2, "summary/accuracy"), (2, "summary/selections.pass@1.accuracy"), (3, "accuracy_table")),
    ]
