"""The weights that a training starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import copied, set_json

from ttc.engines.generator import VllmGenerator
from ttc.engines.server.generator import ServerGenerator
from ttc.errors import UserError
from ttc.training.start import check_generator, weights_of


def test_a_model_on_a_server_cannot_be_trained() -> None:
    server = ServerGenerator(model="someone/model", base_url=["http://localhost:1/v1"])
    with pytest.raises(UserError, match=r"generator=someone/model: a training changes weights, so it needs them on"):
        check_generator(server)


def test_code_that_comes_with_a_checkpoint_is_refused() -> None:
    with pytest.raises(UserError, match="trainings use transformers' own classes"):
        check_generator(VllmGenerator(engine_args={"trust_remote_code": True}))


def test_quantised_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = copied("generator", tmp_path / "quantised")
    set_json(directory / "config.json", quantization_config={"quant_method": "awq"})
    monkeypatch.setattr(VllmGenerator, "check", lambda self: None)  # vLLM's own verdict on these settings
    with pytest.raises(UserError, match=r"quantised is quantised, and its weights cannot be trained; name the"):
        check_generator(VllmGenerator(model=str(directory)))


def test_weights_in_a_directory_are_used_where_they_are_and_those_on_the_hub_at_their_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = copied("generator", tmp_path / "model")
    assert weights_of(VllmGenerator(model=str(directory))) == str(directory)
    asked = []

    def download(name: str, revision: str | None, ignore_patterns: list[str]) -> str:
        asked.append((name, revision))
        return "snapshot"

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert weights_of(VllmGenerator(model="someone/model", revision="v2")) == "snapshot"
    assert asked == [("someone/model", "v2")]
