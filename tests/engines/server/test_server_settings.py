"""Which servers, models and keys a config may name; what is refused, and what no message repeats."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from ttc.engines.server.generator import ServerGenerator
from ttc.engines.server.verifier import ServerVerifier
from ttc.errors import UserError

URL = "http://localhost:8000/v1"
SECRET = "sk-a1b2c3d4e5"


def generator(**given: Any) -> ServerGenerator:
    return ServerGenerator(**{"base_url": URL, "model": "owner/name", **given})


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTC_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("http://h:1/", "http://h:1/v1"),
        ("http://h:1/v1/", "http://h:1/v1"),
        (" https://h/api/v2 ", "https://h/api/v2"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_a_url_ends_with_a_path_and_without_a_slash(given: str, expected: str) -> None:
    assert generator(base_url=given).urls == (expected,)
    assert generator(base_url=[given, "http://other", expected]).urls == (expected, "http://other/v1")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "localhost",
        "ftp://h:1",
        "http://",
        "http://:8000",
        "http://h:70000",
        "http://h:0",
        "http://h:x",
        "http://[::1",
        "http://my host:8000",
        "   ",
        8000,
    ],
)
def test_what_is_not_the_url_of_a_server_is_refused_wherever_it_stands(url: object) -> None:
    for given in (url, [URL, url]):
        with pytest.raises(UserError, match=r"^generator\.base_url='.*' is not the URL of a server; use e\.g\. "):
            generator(base_url=given).check()


@pytest.mark.parametrize("given", ["", None, [], [""]])
def test_a_missing_url_is_said_to_be_missing(given: object) -> None:
    with pytest.raises(UserError, match=r"^prm\.base_url is not set; name the server, e\.g\. prm\.base_url=http"):
        ServerVerifier(base_url=given, model="m").check()


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@h:1/v1",
        f"http://user:{SECRET}@h:70000/v1",
        f"user:{SECRET}@h:1",
        f"http://h:1/v1?key={SECRET}",
        f"h:1/v1?key={SECRET}",
        f"http://h:1/v1#{SECRET}",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UserError, match=r"holds more than an address.* environment variable TTC_API_KEY") as refusal:
        generator(base_url=[URL, url]).check()
    assert SECRET not in str(refusal.value)


def test_the_key_comes_from_the_environment_and_is_no_part_of_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    assert generator().api_key == "EMPTY"  # what servers without keys are sent
    monkeypatch.setenv("TTC_API_KEY", f" {SECRET}\n")
    monkeypatch.setenv("OTHER_KEY", "another")
    config = generator()
    config.check()
    assert config.api_key == SECRET
    assert generator(api_key_env="OTHER_KEY").api_key == "another"
    assert SECRET not in f"{config!r} {asdict(config)} {config.changed_settings()} {config.identity()}"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_was_named_must_be_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(UserError, match=r"^generator\.api_key_env=MY_KEY: this environment variable is not set; "):
        generator(api_key_env="MY_KEY").check()


@pytest.mark.parametrize("key", [f"{SECRET}\nrest", f"{SECRET}…", f"{SECRET}\x07"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("TTC_API_KEY", key)
    with pytest.raises(UserError, match=r"^the environment variable TTC_API_KEY holds a line break or ") as refusal:
        generator().check()
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": ""}, rf"^generator\.model is empty; .* GET {URL}/models lists it"),
        ({"max_in_flight": 0}, r"^generator\.max_in_flight=0 is below 1"),
        ({"max_model_len": -5}, r"^generator\.max_model_len=-5 is below 1"),
        ({"timeout_seconds": 0.0}, r"^generator\.timeout_seconds=0\.0: must be above 0"),
        ({"patience_seconds": -1.0}, r"^generator\.patience_seconds=-1\.0: must be above 0"),
        ({"patience_seconds": float("nan")}, r"^generator\.patience_seconds=nan: must be above 0"),
        ({"max_tokens": 0}, r"^generator\.max_tokens=0 is below 1"),
        ({"prompt": "Solve this."}, r"^generator\.prompt='Solve this\.' has no \{question\}"),
    ],
)
def test_impossible_values_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        generator(**given).check()


def test_a_verifiers_reading_is_checked_too() -> None:
    with pytest.raises(UserError, match=r"^prm\.pooling=mean is not known"):
        ServerVerifier(base_url=URL, model="m", pooling="mean").check()


def test_where_the_server_is_does_not_change_what_a_model_is() -> None:
    elsewhere = generator(
        base_url="https://other/v1", api_key_env="X", max_in_flight=3, timeout_seconds=1.0, patience_seconds=2.0
    )
    assert elsewhere.fingerprint() == generator().fingerprint()
    assert elsewhere.identity() == generator().identity()


def test_another_name_or_version_is_another_model() -> None:
    configs = (generator(), generator(model="owner/other"), generator(version="2"))
    assert len({config.fingerprint() for config in configs}) == 3
    assert len({config.identity() for config in configs}) == 3
