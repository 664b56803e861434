"""Datasets of the hub: what is missing is said on one line, after one short look."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import ttc.data.hub
from ttc.data.datasets import TabularDataset
from ttc.data.hub import read_hub
from ttc.errors import UserError
from ttc.hub import Finding, Look

ROWS: list[dict[str, Any]] = [{"problem": "1+1?", "answer": "2"}, {"problem": "2+2?", "answer": 4}]
READ = """
import ttc.hub
from ttc.data.hub import read_hub
from ttc.errors import UserError
ttc.hub.LOOK_SECONDS = 0.5
try:
    list(read_hub("some/set", None, "test"))
except UserError as error:
    print(error)
"""


def read_from(endpoint: str, tmp_path: object) -> str:
    """Read a dataset from a hub of our own, in a process with an empty cache; return all that it prints."""
    offline = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in offline}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "NO_PROXY": "*"}
    done = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("\n") == 1
    return done.stdout + done.stderr


@contextmanager
def hub_that_answers(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "has no such dataset, or it is private"), (500, "answered with the error 500")]
)
def test_a_hub_without_the_dataset_and_one_that_fails_are_told_apart(
    tmp_path: object, status: int, reason: str
) -> None:
    with hub_that_answers(status) as endpoint:
        assert reason in read_from(endpoint, tmp_path)


def test_a_hub_that_refuses_the_connection_is_reported_at_once(tmp_path: object) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert f"{endpoint} cannot be reached" in (printed := read_from(endpoint, tmp_path))
    assert "there is no earlier download of it; check the network, or set data.path=FILE" in printed


def test_a_hub_that_never_answers_is_given_up(tmp_path: object) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        printed = read_from(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    assert "did not answer within 0.5 s" in printed


def test_a_setting_that_forbids_the_network_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"data\.hub=some/set \(split test\): HF_HUB_OFFLINE is set, and there is no"):
        list(read_hub("some/set", None, "test"))


def test_a_name_that_no_dataset_can_have_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.hub=a b/c/d: not the name of a dataset; it looks like openai/gsm8k"):
        list(read_hub("a b/c/d", None, "test"))


# --- what the client's errors mean


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load_dataset(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ttc.data.hub, "_look", lambda *_: None)
    monkeypatch.setattr("datasets.load_dataset", load_dataset)


@pytest.mark.parametrize(
    ("config", "text", "message"),
    [
        (None, "Unknown split \"test\". Should be one of ['train', 'validation'].", "use one of train, validation."),
        (
            "no",
            "BuilderConfig 'no' not found. Available: ['main', 'socratic']",
            "data.hub_config=no: some/set has no such config; use one of main, socratic.",
        ),
        (
            None,
            "Config name is missing.\nPlease pick one among the available configs: ['main', 'socratic']\nExample:",
            "data.hub=some/set has several configs; set data.hub_config to one of main, socratic.",
        ),
        (
            None,
            "Dataset 'some/set' is a gated dataset on the Hub. You must be",
            "accept its terms on its page and log in",
        ),
        (
            None,
            "no route\nto the hub",
            "cannot be loaded: no route; check the name and the network, or set data.path=FILE",
        ),
    ],
)
def test_an_error_of_the_client_becomes_a_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, config: str | None, text: str, message: str
) -> None:
    failing(monkeypatch, ValueError(text))
    with pytest.raises(UserError) as error:
        list(read_hub("some/set", config, "test"))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_hub_rows_become_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[object] = []

    def load_dataset(hub: str, config: str | None, split: str) -> list[dict[str, Any]]:
        requested.extend([hub, config, split])
        return ROWS

    monkeypatch.setattr(ttc.data.hub, "_look", lambda *_: None)
    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    problems = TabularDataset(hub="some/set", hub_config="main", split="train").load()
    assert requested == ["some/set", "main", "train"]
    assert [problem.gold for problem in problems] == ["2", "4"]


def test_a_revision_is_looked_for_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    loaded: list[object] = []

    def load_dataset(hub: str, config: str | None, split: str, revision: str) -> list[dict[str, Any]]:
        loaded.append(revision)
        return ROWS

    monkeypatch.setattr(ttc.data.hub, "_look", lambda hub, revision: looked.append(revision))
    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    assert len(TabularDataset(hub="some/set", revision="v1.0").load()) == 2
    assert looked == loaded == ["v1.0"]


def test_a_revision_that_the_hub_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Look(Finding.ABSENT, "https://hub.example")
    monkeypatch.setattr(ttc.data.hub, "look_for_dataset", lambda hub, revision: absent)
    with pytest.raises(UserError, match=r"data\.hub=some/set data\.revision=v9: .* no such revision of it"):
        list(read_hub("some/set", None, "test", "v9"))


def test_a_blank_revision_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.revision=' ' is empty"):
        TabularDataset(hub="some/set", revision=" ")
