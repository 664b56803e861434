"""The API key reaches the server, and nothing else: no message, no log, not even where the server repeats it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from http_server import MODEL, Reply, ScriptedServer, model_list, refusal, scripted_server

from ttc.engines.reasons import LONGEST_REASON
from ttc.engines.server import balancing, retrying
from ttc.engines.server.client import Question, ServerClient
from ttc.engines.server.generator import ServerGenerator
from ttc.engines.server.model import ServerModel
from ttc.errors import RunError, UserError

KEY = "sk-0123456789abcdef0123456789abcdef"
PATH = "/v1/completions"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[ScriptedServer]:
    monkeypatch.setenv("SERVER_KEY", KEY)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(balancing, "FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(balancing, "LONGEST_REST_SECONDS", 0.02)
    caplog.set_level(logging.DEBUG)
    with scripted_server() as found:
        yield found


def settings_of(server: ScriptedServer, **more: Any) -> ServerGenerator:
    return ServerGenerator(base_url=server.url, model=MODEL, api_key_env="SERVER_KEY", **more)


def failure(server: ScriptedServer) -> str:
    """Return the message with which a question ends."""
    client = ServerClient(settings_of(server))
    client.ask([Question(0, "/completions", {})])
    deadline = time.monotonic() + 30
    with pytest.raises(RunError) as ended:
        while time.monotonic() < deadline:
            client.answers(0.05)
    return str(ended.value)


def test_every_request_carries_the_key_of_the_named_variable(server: ScriptedServer) -> None:
    server.script(PATH, then=Reply())
    model = ServerModel(settings_of(server), None, needs_tokenizer=False)
    model.client.ask([Question(0, "/completions", {}), Question(1, "//pooling", {})])
    server.script("/pooling", then=Reply())
    deadline = time.monotonic() + 30
    while len(server.asked) < 3 and time.monotonic() < deadline:
        model.client.answers(0.05)
    assert {asked.path: asked.authorization for asked in server.asked} == dict.fromkeys(
        ("/v1/models", PATH, "/pooling"), f"Bearer {KEY}"
    )


def test_a_server_without_keys_gets_the_usual_filler(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # meant for another server
    ServerModel(ServerGenerator(base_url=server.url, model=MODEL), None, needs_tokenizer=False)
    assert [asked.authorization for asked in server.asked] == ["Bearer EMPTY"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_an_error_that_repeats_the_key_is_shown_without_it(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server.script(PATH, then=refusal(status, f"the key {KEY} is of no use"))
    message = failure(server)
    assert f"{status}, the key *** is of no use" in message
    assert KEY not in message + caplog.text


def test_no_part_of_the_key_is_left_where_a_long_reply_is_cut(server: ScriptedServer) -> None:
    for before in range(LONGEST_REASON - 60, LONGEST_REASON, 8):
        server.script(PATH, then=Reply(body="x" * before + KEY))
        assert KEY[:6] not in failure(server)


def test_a_key_that_is_refused_is_named_by_its_variable(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script("/v1/models", then=refusal(401, f"Incorrect API key provided: {KEY}"))
    with pytest.raises(UserError) as refused:
        ServerModel(settings_of(server), None, needs_tokenizer=False)
    assert str(refused.value) == (
        f"generator.base_url={server.url} refuses the key in the environment variable SERVER_KEY: 401, Incorrect API "
        "key provided: ***; export the server's key there."
    )
    assert KEY not in caplog.text


def test_a_list_of_models_that_repeats_the_key_is_shown_without_it(server: ScriptedServer) -> None:
    server.script("/v1/models", then=model_list(f"model of {KEY}"))
    with pytest.raises(UserError, match=r"is not served at") as refused:
        ServerModel(settings_of(server), None, needs_tokenizer=False)
    assert KEY not in str(refused.value)


def test_nothing_is_logged_of_requests_that_succeed(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    server.script(PATH, refusal(503, f"{KEY} must wait"), then=Reply())
    client = ServerClient(settings_of(server))
    client.ask([Question(0, "/completions", {})])
    deadline, answers = time.monotonic() + 30, client.answers(0)
    while not answers and time.monotonic() < deadline:
        answers = client.answers(0.05)
    messages = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert messages == [
        f"{server.url}: 503, *** must wait (stored replies are kept); it is asked again for up to 180 seconds",
        f"{server.url} answers again",
    ]
