"""`ttc push` uploads a finished run, and no problem unless it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from command_line import CommandLine
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from omegaconf import OmegaConf
from run_records import record, write_run

from ttc.runs.identity import RunIdentity


class FakeHub:
    """Keeps what was uploaded. As in `HfApi`, an argument that it does not know is an error."""

    def __init__(self) -> None:
        self.created: list[tuple[str, str, bool | None, bool]] = []
        self.uploaded: dict[str, str] = {}
        self.raises: Exception | None = None

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool | None, exist_ok: bool) -> None:
        if self.raises is not None:
            raise self.raises
        self.created.append((repo_id, repo_type, private, exist_ok))

    def upload_folder(self, *, repo_id: str, folder_path: str, repo_type: str, commit_message: str) -> None:
        assert (repo_id, repo_type) == self.created[-1][:2] and commit_message
        folder = Path(folder_path)
        self.uploaded = {
            str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()
        }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    fake = FakeHub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: fake)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_token")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield fake


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [record(name, {"majority": name == "a", "weighted": True}, 0.5, level=1) for name in "abcd"]
    identity = RunIdentity("digest", ("strategy=best_of_n", "data.name=[x](y)", "hydra.run.dir=secret/place"))
    notes = ["warning: <script>alert(1)</script>"]
    place = tmp_path / "run"
    write_run(place, rows, identity=identity, data="[x](http://evil)", notes=notes, tokens={"prompt": 3})
    (place / ".hydra").mkdir()
    OmegaConf.save(OmegaConf.create({"budget": 4}), place / ".hydra" / "config.yaml")
    (place / "run.log").write_text("of this machine")
    return place


def test_a_run_is_uploaded_with_its_card_but_without_its_problems(ttc: CommandLine, run: Path, hub: FakeHub) -> None:
    found = ttc("push", str(run), "--repo", "me/results")
    assert (found.code, found.err) == (0, "") and found.out.startswith("pushed to https://")
    assert found.out.endswith("/datasets/me/results\n")
    assert hub.created == [("me/results", "dataset", None, True)]
    assert sorted(hub.uploaded) == ["README.md", "accuracy.csv", "config.yaml", "summary.json"]
    for name in ("accuracy.csv", "summary.json"):
        assert hub.uploaded[name] == (run / name).read_text()


def test_problems_are_uploaded_when_that_is_asked_and_the_repository_may_be_private(
    ttc: CommandLine, run: Path, hub: FakeHub
) -> None:
    assert ttc("push", str(run), "--repo", "me/results", "--with-problems", "--private").code == 0
    assert hub.created == [("me/results", "dataset", True, True)]
    assert hub.uploaded["problems.jsonl"] == (run / "problems.jsonl").read_text()
    assert "the licence of the data holds" in hub.uploaded["README.md"]


@pytest.mark.parametrize("with_problems", [False, True])
def test_the_card_tells_the_hub_which_files_are_tables(
    ttc: CommandLine, run: Path, hub: FakeHub, with_problems: bool
) -> None:
    assert ttc("push", str(run), "--repo", "me/x", *(["--with-problems"] if with_problems else [])).code == 0
    _, front, _ = hub.uploaded["README.md"].split("---\n", 2)
    configs = yaml.safe_load(front)["configs"]
    assert {config["data_files"] for config in configs} == {name for name in hub.uploaded if "accuracy" in name} | (
        {"problems.jsonl"} if with_problems else set()
    )


def test_the_card_shows_what_was_run_and_nothing_of_it_acts_as_markup(
    ttc: CommandLine, run: Path, hub: FakeHub
) -> None:
    assert ttc("push", str(run), "--repo", "me/x").code == 0
    card = hub.uploaded["README.md"]
    assert r"# best\_of\_n, budget 4" in card and "| majority | 25.0" in card and "- generator: pocket" in card
    assert r"- command: ttc run strategy=best\_of\_n data.name=\[x\](y)" in card and "secret" not in card
    assert "<script" not in card.replace(r"\<script", "") and "[x](" not in card


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent", "--repo", "me/x"], "absent/summary.json cannot be read (No such file or directory)"),
        (["empty", "--repo", "me/x"], "empty/summary.json cannot be read"),
        (["run"], "Missing option '--repo'"),
        (["mixed", "--repo", "me/x"], "mixed/accuracy.csv is not the file that summary.json was written with"),
    ],
)
def test_what_is_no_finished_run_is_one_line_and_nothing_is_sent(
    ttc: CommandLine, run: Path, hub: FakeHub, arguments: list[str], message: str
) -> None:
    (run.parent / "empty").mkdir()
    write_run(run.parent / "mixed")
    (run.parent / "mixed" / "accuracy.csv").write_text("kind\n")
    found = ttc("push", *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1) and message in found.err
    assert hub.created == [] and hub.uploaded == {}


def _http(code: int) -> HfHubHTTPError:
    response: Any = SimpleNamespace(status_code=code, headers={}, request=None, text="", json=dict)
    return HfHubHTTPError("refused", response=response)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (lambda: HFValidationError("bad name"), 2, "--repo me/x cannot name a repository; use OWNER/NAME."),
        (lambda: _http(403), 2, "--repo me/x: the token may not write there (403); use one that may"),
        (lambda: _http(500), 1, "the hub answered with the error 500; run the same command again later."),
        (lambda: ConnectionError("no\nroute"), 1, "the run could not be uploaded (no); check the network"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    ttc: CommandLine, run: Path, hub: FakeHub, error: Callable[[], Exception], code: int, message: str
) -> None:
    hub.raises = error()
    found = ttc("push", str(run), "--repo", "me/x")
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1) and message in found.err


def test_without_a_token_or_offline_nothing_is_sent(
    ttc: CommandLine, run: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    found = ttc("push", str(run), "--repo", "me/x")
    assert found.code == 2 and found.err == (
        "error: not logged in to the hub; run `hf auth login`, or set HF_TOKEN to a token that may write.\n"
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = ttc("push", str(run), "--repo", "me/x")
    assert found.code == 2 and "HF_HUB_OFFLINE is set" in found.err and hub.created == []


def test_the_calls_are_those_of_the_client_that_is_installed() -> None:
    import inspect

    from huggingface_hub import HfApi

    for name in ("create_repo", "upload_folder"):
        ours = set(inspect.signature(getattr(FakeHub, name)).parameters)
        assert ours <= set(inspect.signature(getattr(HfApi, name)).parameters)
