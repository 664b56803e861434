"""Requests to servers that are slow, busy, broken, away or many: what is repeated, what ends the run, and how."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from http_server import DROPPED, MODEL, Asked, Reply, ScriptedServer, refusal, scripted_server

from ttc.engines.server import balancing, retrying
from ttc.engines.server import client as client_module
from ttc.engines.server.client import Answer, Question, ServerClient
from ttc.engines.server.generator import ServerGenerator
from ttc.errors import RunError

PATH = "/v1/completions"
DEADLINE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(balancing, "FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(balancing, "LONGEST_REST_SECONDS", 0.02)
    monkeypatch.setattr(client_module, "WAIT_SECONDS", 0.005)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as found:
        yield found


def client_of(*servers: ScriptedServer, **more: Any) -> ServerClient:
    return ServerClient(ServerGenerator(base_url=[server.url for server in servers], model=MODEL, **more))


def questions(count: int, **more: Any) -> list[Question]:
    return [Question(number, "/completions", {"number": number}, **more) for number in range(count)]


def answered(client: ServerClient, asked: Sequence[Question]) -> list[Answer]:
    client.ask(asked)
    return collected(client, len(asked))


def collected(client: ServerClient, count: int) -> list[Answer]:
    found: list[Answer] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(found) < count and time.monotonic() < deadline:
        found += client.answers(0.05)
    assert len(found) == count
    return found


def echo(asked: Asked) -> Reply:
    return Reply(body={"echo": asked.body["number"]})


def wait_for(event: threading.Event, reply: Reply) -> Reply:
    return reply if event.wait(DEADLINE_SECONDS) else refusal(400, "what was waited for did not happen")


@pytest.mark.parametrize(
    "failure",
    [*(refusal(status, "later") for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)), DROPPED],
    ids=lambda failure: "dropped" if failure.dropped else str(failure.status),
)
def test_a_request_that_fails_for_a_reason_that_may_pass_is_repeated(server: ScriptedServer, failure: Reply) -> None:
    server.script(PATH, failure, failure, failure, then=echo)
    assert answered(client_of(server), questions(1)) == [Answer(0, {"echo": 0})]
    assert server.bodies(PATH) == [{"number": 0}] * 4


def test_a_request_that_takes_too_long_is_repeated(server: ScriptedServer) -> None:
    release, calls = threading.Event(), iter(range(100))
    server.script(PATH, then=lambda asked: echo(asked) if next(calls) else wait_for(release, refusal(400, "too late")))
    try:
        assert answered(client_of(server, timeout_seconds=0.5), questions(1)) == [Answer(0, {"echo": 0})]
    finally:
        release.set()


def test_a_server_that_asks_for_a_pause_gets_it(server: ScriptedServer) -> None:
    times: list[float] = []

    def script(asked: Asked) -> Reply:
        times.append(time.monotonic())
        return refusal(429, "slow down", Retry_After="0.4") if len(times) == 1 else echo(asked)

    server.script(PATH, then=script)
    answered(client_of(server), questions(1))
    assert times[1] - times[0] >= 0.4


@pytest.mark.parametrize("asked_for", ["3600", "-1", "nan", "inf", "Wed, 21 Oct 2065 07:28:00 GMT", ""])
def test_a_pause_is_bounded_whatever_a_server_asks_for(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, asked_for: str
) -> None:
    monkeypatch.setattr(retrying, "LONGEST_DELAY_SECONDS", 0.05)
    server.script(PATH, refusal(503, "starting", Retry_After=asked_for), then=echo)
    assert len(answered(client_of(server), questions(1))) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "generator.base_url={url} refuses a request to served: 400, it is because. Stored replies are kept."),
        (404, "generator.base_url={url} refuses a request to served: 404, it is because. Stored replies are kept."),
        (
            401,
            "generator.base_url={url} refuses a request without a key (the environment variable TTC_API_KEY is not "
            "set): 401, it is because; export the server's key there. Stored replies are kept.",
        ),
    ],
)
def test_a_refusal_ends_the_run_with_one_line(server: ScriptedServer, status: int, message: str) -> None:
    server.script(PATH, then=refusal(status, "it is\nbecause."))
    client = client_of(server)
    with pytest.raises(RunError) as refused:
        answered(client, questions(1))
    assert str(refused.value) == message.format(url=server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", ["<html>hello</html>", ["a", "list"], None, 7])
def test_a_reply_that_is_no_json_object_ends_the_run_with_one_line(server: ScriptedServer, body: object) -> None:
    server.script(PATH, then=Reply(body=body))
    with pytest.raises(RunError, match=r"^generator\.base_url=\S+ does not speak OpenAI's protocol: not a JSON object"):
        answered(client_of(server), questions(1))


def test_json_that_is_cut_ends_the_run_with_one_line(server: ScriptedServer) -> None:
    server.script(PATH, then=Reply(body='{"choices": [', headers={"Content-Type": "application/json"}))
    with pytest.raises(RunError, match=r"^generator\.base_url=\S+ does not speak OpenAI's protocol: .*$") as ended:
        answered(client_of(server), questions(1))
    assert "\n" not in str(ended.value)


def test_a_request_that_crashes_the_server_each_time_ends_the_run(server: ScriptedServer) -> None:
    server.script(PATH, then=refusal(500, "CUDA error"))
    with pytest.raises(RunError) as ended:
        answered(client_of(server), questions(1))
    assert str(ended.value) == f"{server.url}: 500, CUDA error, 6 times for one request; see its log."
    assert len(server.asked) == retrying.MOST_CRASHES == 6


def test_failures_of_other_kinds_do_not_count_as_crashes(server: ScriptedServer) -> None:
    others = [refusal(503, "starting"), refusal(429, "busy"), DROPPED] * 4
    crashes = [refusal(500, "crash")] * (retrying.MOST_CRASHES - 1)
    server.script(PATH, *others, *crashes, then=echo)
    assert len(answered(client_of(server), questions(1))) == 1


@pytest.mark.parametrize("failure", [refusal(503, "starting"), refusal(429, "busy"), DROPPED, None])
def test_a_long_silence_of_all_servers_ends_the_run(server: ScriptedServer, failure: Reply | None) -> None:
    server.script(PATH, then=failure)
    with scripted_server() as other:
        other.script(PATH, then=failure)
        client = client_of(server, other, patience_seconds=0.3)
        if failure is None:
            server.stop()
            other.stop()
        with pytest.raises(
            RunError,
            match=r"^no server of generator\.model=served has answered for 0\.3 seconds \(http://.*\); start it ",
        ):
            answered(client, questions(3))


def test_a_server_that_is_killed_and_started_again_goes_on(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    client, arrived, release = client_of(server), threading.Event(), threading.Event()

    def hang(asked: Asked) -> Reply:
        arrived.set()
        return wait_for(release, DROPPED)

    server.script(PATH, then=hang)
    client.ask(questions(20))
    assert arrived.wait(DEADLINE_SECONDS)
    server.stop()
    server.script(PATH, then=echo)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while "it is asked again for up to 180 seconds" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    server.start()
    assert {answer.number: answer.content["echo"] for answer in collected(client, 20)} == {n: n for n in range(20)}
    release.set()
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == f"{server.url} answers again"


def test_hundreds_of_requests_are_in_flight_at_once_and_each_gets_its_own_answer(server: ScriptedServer) -> None:
    lock, enough = threading.Lock(), threading.Event()
    at_once = 0

    def script(asked: Asked) -> Reply:
        nonlocal at_once
        with lock:
            at_once += 1
            if at_once == 100:
                enough.set()
        return wait_for(enough, echo(asked))

    server.script(PATH, then=script)
    answers = answered(client_of(server), questions(300))
    assert {answer.number: answer.content["echo"] for answer in answers} == {n: n for n in range(300)}


def test_an_answer_does_not_wait_for_those_to_earlier_questions(server: ScriptedServer) -> None:
    release = threading.Event()
    server.script(PATH, then=lambda asked: echo(asked) if asked.body["number"] else wait_for(release, echo(asked)))
    client = client_of(server)
    client.ask(questions(2))
    assert collected(client, 1) == [Answer(1, {"echo": 1})]
    release.set()
    assert collected(client, 1) == [Answer(0, {"echo": 0})]


def test_several_servers_share_the_sequences_evenly() -> None:
    everything_came, lock = threading.Event(), threading.Lock()
    came = 0

    def script(asked: Asked) -> Reply:
        nonlocal came
        with lock:
            came += 1
            if came == 62:
                everything_came.set()
        return wait_for(everything_came, echo(asked))

    with ExitStack() as stack:
        servers = [stack.enter_context(scripted_server()) for _ in range(3)]
        for server in servers:
            server.script(PATH, then=script)
        client = client_of(*servers)
        large = Question(60, "/completions", {"number": 60}, sequences=20)
        answered(client, [large, *questions(60), Question(61, "/completions", {"number": 61})])
        counts = [len(server.asked) for server in servers]
    assert sorted(counts) == [1 + 7, 27, 27]  # 27 sequences each


def test_a_server_that_dies_is_left_out_and_taken_back(server: ScriptedServer) -> None:
    with scripted_server() as other:
        for each in (server, other):
            each.script(PATH, then=echo)
        client = client_of(server, other)
        answered(client, questions(10))
        server.stop()
        assert len(answered(client, questions(40))) == 40
        server.start()
        asked, deadline = len(server.asked), time.monotonic() + DEADLINE_SECONDS
        while len(server.asked) < asked + 10 and time.monotonic() < deadline:
            answered(client, questions(10))
        assert len(server.asked) >= asked + 10
