"""Values by token ids: batches, how many sequences a server works on at once, and what is made of the replies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from http_server import MODEL, Asked, Reply, ScriptedServer, scripted_server

from ttc.engines.scorer import Scored
from ttc.engines.server.model import ServerModel
from ttc.engines.server.scorer import MOST_TOGETHER, ServerScorer
from ttc.engines.server.verifier import ServerVerifier
from ttc.errors import RunError

PATH = "/pooling"  # below the server's root, not below /v1
DEADLINE_SECONDS = 30.0


def first_ids(asked: Asked) -> Reply:
    """Let the value of a sequence be its first id; the rows come in another order."""
    rows = [{"index": index, "data": [float(ids[0]), 0.0]} for index, ids in enumerate(asked.body["input"])]
    return Reply(body={"data": rows[::-1]})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    with scripted_server() as found:
        found.script(PATH, then=first_ids)
        yield found


def scorer_of(server: ScriptedServer, pooling: str = "last", max_in_flight: int = 256) -> ServerScorer:
    config = ServerVerifier(base_url=server.url, model=MODEL)
    return ServerScorer(pooling, ServerModel(config, None, needs_tokenizer=False), max_in_flight)


def scored(scorer: ServerScorer, count: int) -> list[Scored]:
    """Return the values in the order of the tickets."""
    found: list[Scored] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(found) < count and time.monotonic() < deadline:
        found += scorer.poll()
    found.sort(key=lambda one: one.ticket)
    assert [one.ticket for one in found] == list(range(count))
    return found


def values(server: ScriptedServer, data: object, pooling: str = "last") -> tuple[float, ...]:
    """Return what is read from one sequence's row."""
    server.script(PATH, then=Reply(body={"data": [{"index": 0, "data": data}]}))
    scorer = scorer_of(server, pooling)
    scorer.submit(0, [5, 6])
    return scored(scorer, 1)[0].values


def test_sequences_are_sent_in_batches_and_each_gets_its_own_values(server: ScriptedServer) -> None:
    scorer = scorer_of(server)
    for ticket in range(2 * MOST_TOGETHER + 5):
        scorer.submit(ticket, [1000 + ticket, *range(ticket % 7)])
    found = scored(scorer, 2 * MOST_TOGETHER + 5)
    assert [one.values for one in found] == [(1000.0 + ticket, 0.0) for ticket in range(len(found))]
    assert [(one.prompt_tokens, one.cached_tokens) for one in found] == [(1 + t % 7, 0) for t in range(len(found))]
    assert sorted(len(body["input"]) for body in server.bodies(PATH)) == [5, MOST_TOGETHER, MOST_TOGETHER]


@pytest.mark.parametrize(("pooling", "task"), [("last", "classify"), ("token", "token_classify")])
def test_a_request_names_the_model_and_what_it_is_asked_for(server: ScriptedServer, pooling: str, task: str) -> None:
    scorer = scorer_of(server, pooling)
    scorer.submit(0, [5, 6])
    scored(scorer, 1)
    assert server.bodies(PATH) == [{"model": MODEL, "task": task, "input": [[5, 6]]}]


@pytest.mark.parametrize("most", [1, 10, 100])
def test_no_more_sequences_are_in_flight_than_may_be(server: ScriptedServer, most: int) -> None:
    lock = threading.Lock()
    in_flight, largest = 0, 0

    def script(asked: Asked) -> Reply:
        nonlocal in_flight, largest
        sequences = len(asked.body["input"])
        with lock:
            in_flight += sequences
            largest = max(largest, in_flight)
        time.sleep(0.002)
        with lock:
            in_flight -= sequences
        return first_ids(asked)

    server.script(PATH, then=script)
    scorer, count = scorer_of(server, max_in_flight=most), 4 * most
    for ticket in range(count):
        scorer.submit(ticket, [ticket])
    assert [one.values[0] for one in scored(scorer, count)] == [float(ticket) for ticket in range(count)]
    assert min(most, MOST_TOGETHER) <= largest <= most


def test_values_of_each_token_are_read_at_the_last_one(server: ScriptedServer) -> None:
    assert values(server, [[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]], "token") == (0.7, 0.3)
    assert values(server, [[0.25]], "token") == (0.25,)
    assert values(server, [0.7, 0.3]) == (0.7, 0.3)


@pytest.mark.parametrize("data", [None, [], "0.5", {"value": 1}, [None], [[0.1], []], ["high"], 0.5])
def test_values_that_cannot_be_read_end_the_run_with_one_line(server: ScriptedServer, data: object) -> None:
    with pytest.raises(RunError) as ended:
        values(server, data)
    message = str(ended.value)
    assert message.startswith("prm.model=served: the server's reply cannot be read (")
    assert message.endswith("; serve the verifier with vLLM.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": ["row"]},
        {"data": [{"data": [0.5]}]},
        {"data": [{"index": 0}]},
        {"data": [{"index": 0, "data": [0.5]}] * 2},
    ],
)
def test_a_reply_that_cannot_be_read_ends_the_run_with_one_line(server: ScriptedServer, body: dict[str, Any]) -> None:
    server.script(PATH, then=Reply(body=body))
    scorer = scorer_of(server)
    scorer.submit(0, [5])
    with pytest.raises(RunError, match=r"^prm\.model=served: the server's reply cannot be read \("):
        scored(scorer, 1)
