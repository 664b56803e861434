"""A judge's value is the probability of the good label against the bad one, from the server's log-probabilities."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest
from http_server import MODEL, Asked, Reply, Script, ScriptedServer, scripted_server

from ttc.engines.checkpoint import POCKET_WEIGHTS
from ttc.engines.scorer import Scored
from ttc.engines.server.label_scorer import LabelScorer
from ttc.engines.server.model import ServerModel
from ttc.engines.server.verifier import Endpoint, ServerVerifier
from ttc.errors import RunError, UserError

PATH = "/v1/completions"
DEADLINE_SECONDS = 30.0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    with scripted_server() as found:
        yield found


def config_of(server: ScriptedServer) -> ServerVerifier:
    return ServerVerifier(base_url=server.url, model=MODEL, tokenizer=str(POCKET_WEIGHTS / "generator"))


def scorer_of(server: ScriptedServer, labels: tuple[str, str] = ("1", "2"), max_in_flight: int = 256) -> LabelScorer:
    return LabelScorer(list(labels), ServerModel(config_of(server), None, needs_tokenizer=True), max_in_flight)


def scored(scorer: LabelScorer, count: int) -> list[Scored]:
    found: list[Scored] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(found) < count and time.monotonic() < deadline:
        found += scorer.poll()
    return sorted(found, key=lambda one: one.ticket)


def with_log_probabilities(good: float, bad: float, usage: dict[str, object] | None = None) -> Script:
    def reply(asked: Asked) -> Reply:
        names = [f"token_id:{id_}" for id_ in asked.body["logprob_token_ids"]]
        top = dict(zip(names, (good, bad), strict=True))
        return Reply(body={"choices": [{"logprobs": {"top_logprobs": [top]}}], "usage": usage or {}})

    return reply


@pytest.mark.parametrize(("good", "bad"), [(-0.1, -3.0), (-4.0, -0.5), (-1.0, -1.0), (0.0, -900.0), (-900.0, 0.0)])
def test_the_value_is_the_softmax_over_both_labels(server: ScriptedServer, good: float, bad: float) -> None:
    server.script(PATH, then=with_log_probabilities(good, bad))
    scorer = scorer_of(server)
    scorer.submit(7, [3, 4, 5])
    [found] = scored(scorer, 1)
    best = max(good, bad)
    expected = math.exp(good - best) / (math.exp(good - best) + math.exp(bad - best))
    assert found.ticket == 7 and found.values == pytest.approx((expected,))


def test_one_token_is_asked_for_with_the_ids_as_they_are(server: ScriptedServer) -> None:
    server.script(PATH, then=with_log_probabilities(-1.0, -2.0))
    scorer = scorer_of(server)
    scorer.submit(0, [3, 4, 5])
    scored(scorer, 1)
    [body] = server.bodies(PATH)
    assert body["prompt"] == [3, 4, 5] and body["max_tokens"] == 1
    assert len(set(body["logprob_token_ids"])) == 2


def test_cached_tokens_are_the_servers_own(server: ScriptedServer) -> None:
    server.script(PATH, then=with_log_probabilities(-1.0, -2.0, {"prompt_tokens_details": {"cached_tokens": 2}}))
    scorer = scorer_of(server)
    scorer.submit(0, [3, 4, 5])
    [found] = scored(scorer, 1)
    assert (found.prompt_tokens, found.cached_tokens) == (1, 2)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"logprobs": None}]}])
def test_a_reply_without_log_probabilities_is_one_line(server: ScriptedServer, body: dict[str, object]) -> None:
    server.script(PATH, then=Reply(body=body))
    scorer = scorer_of(server)
    scorer.submit(0, [3])
    with pytest.raises(RunError, match=r"holds no log-probabilities of prm\.label_tokens .* serve the model with vLLM"):
        scored(scorer, 1)


def test_a_label_that_is_no_token_is_refused(server: ScriptedServer) -> None:
    with pytest.raises(UserError, match=r"prm\.label_tokens: 'Certainly not' is not a token"):
        scorer_of(server, ("1", "Certainly not"))


def test_completions_without_labels_are_refused() -> None:
    config = ServerVerifier(base_url="http://h", model="m", endpoint=Endpoint.completions)
    with pytest.raises(UserError, match=r"prm\.endpoint=completions needs prm\.label_tokens"):
        config.check()
