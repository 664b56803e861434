"""What is asked of a server once: whether it serves the model, its context and tokenizer; and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from http_server import DROPPED, MODEL, Asked, Reply, ScriptedServer, model_list, refusal, scripted_server
from tokenizers import Tokenizer

from ttc.engines.checkpoint import resolve
from ttc.engines.generator_engine import GeneratorEngine
from ttc.engines.server.generator import Protocol, ServerGenerator
from ttc.engines.server.model import UNKNOWN_CONTEXT, ServerModel
from ttc.engines.server.text_engine import TextEngine
from ttc.engines.server.verifier import ServerVerifier
from ttc.errors import UserError

MODELS, TOKENIZE = "/v1/models", "/tokenize"


class Remembered(dict[bytes, str]):
    """A memory of facts."""

    def keep(self, key: bytes, body: str) -> None:
        self[key] = body

    def drop(self, key: bytes) -> None:
        del self[key]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTC_API_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as found:
        yield found


def config_of(*servers: ScriptedServer, **more: Any) -> ServerGenerator:
    return ServerGenerator(base_url=[server.url for server in servers], **{"model": MODEL, **more})


def model_of(config: ServerGenerator, memory: Remembered | None = None, by_ids: bool = False) -> ServerModel:
    return ServerModel(config, memory, needs_tokenizer=by_ids)


def refusal_of(config: ServerGenerator, by_ids: bool = False) -> str:
    with pytest.raises(UserError) as refused:
        model_of(config, None, by_ids)
    return str(refused.value)


def pocket_tokens(asked: Asked) -> Reply:
    tokenizer = Tokenizer.from_file(f"{resolve('pocket', 'generator')}/tokenizer.json")
    return Reply(body={"tokens": tokenizer.encode(asked.body["prompt"], add_special_tokens=False).ids})


def test_the_context_is_the_smallest_of_all_servers_and_of_what_was_set(server: ScriptedServer) -> None:
    with scripted_server() as other:
        other.script(MODELS, then=model_list("another", MODEL, context=300))
        assert model_of(config_of(server)).facts.max_model_len == 512
        assert model_of(config_of(server, other)).facts.max_model_len == 300
        assert model_of(config_of(server, other, max_model_len=200)).facts.max_model_len == 200
    server.script(MODELS, then=model_list(MODEL, context=None))
    assert model_of(config_of(server)).facts.max_model_len == UNKNOWN_CONTEXT


def test_a_context_larger_than_the_servers_is_refused(server: ScriptedServer) -> None:
    assert refusal_of(config_of(server, max_model_len=513)) == (
        f"generator.max_model_len=513: the context at {server.url} is 512 tokens; use at most that, or serve the model "
        "with a larger --max-model-len."
    )


@pytest.mark.parametrize(
    ("reply", "listed"),
    [
        (model_list("alpha", "beta/gamma"), "alpha, beta/gamma"),
        (model_list(*(f"m{number}" for number in range(20))), "m0, m1, m2, m3, m4, m5, m6, m7"),
        (model_list(), "nothing"),
        (Reply(body={"data": None}), "nothing"),
        (Reply(body={"data": ["served"]}), "nothing"),
    ],
)
def test_a_model_that_is_not_served_is_refused_with_those_that_are(
    server: ScriptedServer, reply: Reply, listed: str
) -> None:
    server.script(MODELS, then=reply)
    assert refusal_of(config_of(server)) == f"generator.model=served is not served at {server.url}; it serves {listed}."


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (refusal(404, "Not Found"), "has no list of models: 404, Not Found; correct the URL, e.g. its path /v1."),
        (
            refusal(401, "Unauthorized"),
            "refuses a request without a key (the environment variable TTC_API_KEY is not set): 401, Unauthorized; "
            "export the server's key there.",
        ),
        (refusal(400, "odd"), "refuses a request to served: 400, odd."),
        (Reply(503, ""), "refuses a request to served: 503, Service Unavailable."),
        (
            Reply(body="<html>Welcome</html>"),
            "does not speak OpenAI's protocol: not a JSON object, but '<html>Welcome</html>'; correct the URL.",
        ),
    ],
)
def test_a_server_that_does_not_list_its_models_is_refused_with_one_line(
    server: ScriptedServer, reply: Reply, message: str
) -> None:
    server.script(MODELS, then=reply)
    assert refusal_of(config_of(server)) == f"generator.base_url={server.url} {message}"


def test_a_server_that_is_not_there_is_refused_with_one_line(server: ScriptedServer) -> None:
    server.script(MODELS, then=DROPPED)
    message = r"generator\.base_url=\S+ does not answer: .*; start the server, or correct the URL\."
    with pytest.raises(UserError, match=rf"^{message}$"):
        model_of(config_of(server))
    server.stop()
    with pytest.raises(UserError, match=rf"^{message}$"):
        model_of(config_of(server))


def test_every_server_must_serve_the_model(server: ScriptedServer) -> None:
    with scripted_server() as other:
        other.script(MODELS, then=model_list("another"))
        assert refusal_of(config_of(server, other)).startswith(f"generator.model=served is not served at {other.url};")


def test_a_tokenizer_that_reads_other_ids_than_the_servers_is_refused(server: ScriptedServer) -> None:
    config = config_of(server, tokenizer="pocket")
    server.script(TOKENIZE, then=pocket_tokens)
    assert model_of(config, by_ids=True).tokenizer is not None
    server.script(TOKENIZE, then=Reply(body={"tokens": [1, 2, 3]}))
    assert refusal_of(config, by_ids=True) == (
        f"generator.tokenizer={resolve('pocket', 'generator')} is not that of served at {server.url}: they read the "
        "same text as different ids; name the served model's own."
    )
    assert server.bodies(TOKENIZE)[0]["add_special_tokens"] is False


@pytest.mark.parametrize("reply", [Reply(404, {"detail": "Not Found"}), Reply(500, {}), Reply(body={"tokens": None})])
def test_a_server_that_does_not_tell_its_ids_is_taken_at_its_word(server: ScriptedServer, reply: Reply) -> None:
    server.script(TOKENIZE, then=reply)
    assert model_of(config_of(server, tokenizer="pocket"), by_ids=True).facts.max_model_len == 512
    assert len(server.bodies(TOKENIZE)) == 1


@pytest.mark.parametrize("name", [MODEL, "nobody/has-this-model", "gpt-4o-mini:free"])
def test_a_tokenizer_that_nothing_names_is_asked_for(server: ScriptedServer, name: str) -> None:
    server.script(MODELS, then=model_list(name))
    message = (
        f"generator.model={name}: its tokenizer is neither on this machine nor on the hub under that name; name its "
        "directory or hub id with generator.tokenizer, or use generator.protocol=text."
    )
    assert refusal_of(config_of(server, model=name), by_ids=True) == message
    assert isinstance(config_of(server, model=name, protocol=Protocol.text).start(), TextEngine)
    with pytest.raises(UserError, match=r"with prm\.tokenizer\.$"):
        ServerVerifier(base_url=server.url, model=name).start()


def test_a_tokenizer_that_was_named_and_is_not_there_is_refused(server: ScriptedServer) -> None:
    assert refusal_of(config_of(server, tokenizer="nobody/has-this"), by_ids=True).startswith(
        "generator.tokenizer=nobody/has-this"
    )


def test_a_server_is_not_needed_where_its_facts_are_remembered_until_the_first_question(
    server: ScriptedServer,
) -> None:
    memory, config = Remembered(), config_of(server, tokenizer="pocket")
    server.script(TOKENIZE, then=pocket_tokens)
    assert isinstance(config.start_with(memory), GeneratorEngine)
    first = model_of(config, memory, by_ids=True).facts
    server.stop()
    elsewhere = replace(config, max_in_flight=3)
    model = model_of(elsewhere, memory, by_ids=True)
    assert model.facts == first and model.tokenizer is not None
    assert isinstance(elsewhere.start_with(memory), GeneratorEngine)
    with pytest.raises(UserError, match="does not answer"):
        _ = model.client


def test_facts_that_changed_are_refused_at_the_first_question(server: ScriptedServer) -> None:
    memory, config = Remembered(), config_of(server)
    model_of(config, memory)
    server.script(MODELS, then=model_list(MODEL, context=1024))
    with pytest.raises(UserError) as refused:
        _ = model_of(config, memory).client
    assert str(refused.value) == (
        "generator.model=served: the server has another context than before (generator.version tells such servers "
        "apart, e.g. generator.version=2)."
    )
    assert model_of(replace(config, version="2"), memory).facts.max_model_len == 1024


def test_a_refusal_is_repeated_whenever_the_client_is_asked_for(server: ScriptedServer) -> None:
    memory, config = Remembered(), config_of(server)
    model_of(config, memory)
    server.script(MODELS, then=model_list(MODEL, context=1024))
    model = model_of(config, memory)
    for _ in range(2):
        with pytest.raises(UserError, match="another context than before"):
            _ = model.client


def test_facts_that_cannot_be_read_are_found_out_again(server: ScriptedServer) -> None:
    memory, config = Remembered(), config_of(server)
    facts = model_of(config, memory).facts
    [key] = memory
    memory[key] = "{}"
    assert model_of(config, memory).facts == facts
    assert memory == {key: facts.dumped()}


def test_end_marks_and_sizes_are_read_from_local_files(server: ScriptedServer) -> None:
    model = model_of(config_of(server, tokenizer="pocket"))
    assert model.facts.end_marks and model.shape is not None
    bare = model_of(config_of(server))
    assert bare.facts.end_marks == () and bare.shape is None
