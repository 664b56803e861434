"""Samples by token ids: what is asked for together, with which seed, and what is made of the replies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from http_server import MODEL, Asked, Reply, ScriptedServer, scripted_server

from ttc.engines.base import Draw
from ttc.engines.sampler import Completion, Continuation
from ttc.engines.sampling import Seeded
from ttc.engines.server.generator import ServerGenerator
from ttc.engines.server.model import ServerModel
from ttc.engines.server.sampler import MOST_TOGETHER, ServerSampler
from ttc.errors import RunError

PATH = "/v1/completions"
ASKED = Continuation((1, 5, 9), 40, 0.8, False, (2,), (), Draw(7, 0))
GOOD = {"index": 0, "token_ids": [4, 2], "finish_reason": "stop", "stop_reason": None}
Settings = dict[str, Any]


def draws(*indices: int, **more: Any) -> list[Continuation]:
    return [replace(ASKED, draw=Draw(7, index), **more) for index in indices]


def by_seed(asked: Asked) -> Reply:
    """Let each sample be one token, its own seed, as vLLM counts seeds; the last sample comes first."""
    choices = [GOOD | {"index": i, "token_ids": [asked.body["seed"] + i]} for i in range(asked.body["n"])]
    return Reply(body={"choices": choices[::-1], "usage": {"prompt_tokens": 3}})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    with scripted_server() as found:
        found.script(PATH, then=by_seed)
        yield found


def sampler_of(server: ScriptedServer, **settings: Any) -> ServerSampler:
    config = ServerGenerator(base_url=server.url, model=MODEL, **settings)
    config.check()
    return ServerSampler(config, ServerModel(config, None, needs_tokenizer=False))


def sampled(sampler: ServerSampler, asked: Sequence[Continuation]) -> list[Completion]:
    """Return the completions in the order of what was asked."""
    for ticket, continuation in enumerate(asked):
        sampler.submit(ticket, continuation)
    found: list[Completion] = []
    deadline = time.monotonic() + 30
    while len(found) < len(asked) and time.monotonic() < deadline:
        found += sampler.poll()
    found.sort(key=lambda completion: completion.ticket)
    assert [completion.ticket for completion in found] == list(range(len(asked)))
    return found


def seeds(server: ScriptedServer, *batches: Sequence[Continuation], **settings: Any) -> list[int]:
    """Return the seed that each sample had, asked for in batches."""
    sampler = sampler_of(server, **settings)
    return [completion.token_ids[0] for batch in batches for completion in sampled(sampler, batch)]


def test_consecutive_draws_of_a_prompt_are_one_request_with_the_seed_of_the_first(server: ScriptedServer) -> None:
    found = seeds(server, draws(3, 5, 4, 6))
    [body] = server.bodies(PATH)
    assert body["n"] == 4 and body["seed"] == found[0]
    assert [seed - found[0] for seed in found] == [0, 2, 1, 3]  # each draw got the sample of its own place


def test_draws_with_a_gap_or_a_repetition_are_asked_for_apart(server: ScriptedServer) -> None:
    found = seeds(server, draws(0, 1, 3, 3, 9))
    assert sorted(body["n"] for body in server.bodies(PATH)) == [1, 1, 1, 2]
    assert [seed - found[0] for seed in found] == [0, 1, 3, 3, 9]


def test_a_request_asks_for_a_bounded_number_of_samples(server: ScriptedServer) -> None:
    found = seeds(server, draws(*range(2 * MOST_TOGETHER + 3)))
    assert sorted(body["n"] for body in server.bodies(PATH)) == [3, MOST_TOGETHER, MOST_TOGETHER]
    assert [seed - found[0] for seed in found] == list(range(2 * MOST_TOGETHER + 3))


def test_the_seed_of_a_draw_does_not_depend_on_what_is_asked_for_with_it(server: ScriptedServer) -> None:
    everything = draws(*range(40))
    together = seeds(server, everything)
    assert seeds(server, *([one] for one in everything)) == together
    assert seeds(server, everything[:7], everything[7:30], everything[30:]) == together
    assert seeds(server, everything[::2], everything[1::2]) == together[::2] + together[1::2]


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": (1, 5, 8)},
        {"temperature": 0.9},
        {"by_step": True},
        {"draw": Draw(8, 1)},
    ],
)
def test_what_is_sampled_in_another_way_has_another_seed_and_request(server: ScriptedServer, other: Settings) -> None:
    [second_draw] = draws(1)
    [first, second] = seeds(server, [ASKED, replace(second_draw, **other)])
    assert len(server.bodies(PATH)) == 2
    assert abs(second - first) > 1000


@pytest.mark.parametrize("other", [{"max_tokens": 39}, {"stop": ("\n",)}])
def test_samples_with_other_limits_are_asked_for_apart(server: ScriptedServer, other: Settings) -> None:
    seeds(server, [ASKED, *draws(1, **other)])
    assert [body["n"] for body in server.bodies(PATH)] == [1, 1]


def test_greedy_samples_are_asked_for_one_at_a_time_as_vllm_demands(server: ScriptedServer) -> None:
    sampled(sampler_of(server), draws(0, 1, 2, temperature=0.0))
    assert [(body["n"], body["temperature"]) for body in server.bodies(PATH)] == [(1, 0.0)] * 3


def test_seeds_fit_into_64_bits(server: ScriptedServer) -> None:
    prompts = [replace(ASKED, prompt=(number,), draw=Draw(7, 1_000_000)) for number in range(50)]
    assert all(0 <= seed < 2**63 for seed in seeds(server, prompts))


def test_a_request_says_all_that_determines_the_samples(server: ScriptedServer) -> None:
    sampler = sampler_of(server, top_p=0.9, top_k=20, sampling={"min_p": 0.05, "presence_penalty": 0.5})
    sampled(sampler, [replace(ASKED, stop=("\n\nProblem:",))])
    [body] = server.bodies(PATH)
    assert isinstance(body.pop("seed"), int)
    assert body == {
        "model": MODEL,
        "prompt": [1, 5, 9],
        "max_tokens": 40,
        "temperature": 0.8,
        "top_p": 0.9,
        "top_k": 20,
        "min_p": 0.05,  # the user's, instead of the neutral one
        "repetition_penalty": 1.0,
        "presence_penalty": 0.5,
        "n": 1,
        "stop": ["\n\nProblem:"],
        "stop_token_ids": [2],
        "include_stop_str_in_output": True,
        "return_token_ids": True,
    }


def test_what_a_checkpoint_would_set_is_neutral_where_the_user_sets_nothing(server: ScriptedServer) -> None:
    sampled(sampler_of(server), [ASKED])
    [body] = server.bodies(PATH)
    assert (body["min_p"], body["repetition_penalty"], body["top_p"], body["top_k"]) == (0.0, 1.0, 1.0, -1)
    assert "stop" not in body


def test_a_request_has_no_seed_where_the_engine_draws_its_own(server: ScriptedServer) -> None:
    server.script(PATH, then=Reply(body={"choices": [GOOD]}))
    sampled(sampler_of(server, seeded=Seeded.engine), [ASKED])
    assert "seed" not in server.bodies(PATH)[0]


@pytest.mark.parametrize(
    ("choice", "finish_reason", "stop_reason"),
    [
        ({"finish_reason": "stop", "stop_reason": None}, "stop", None),
        ({"finish_reason": "stop", "stop_reason": 13}, "stop", 13),
        ({"finish_reason": "stop", "stop_reason": "\n\n"}, "stop", "\n\n"),
        ({"finish_reason": "length", "stop_reason": None}, "length", None),
        ({"finish_reason": "abort"}, "abort", None),
    ],
)
def test_a_completion_says_why_it_ended(
    server: ScriptedServer, choice: Settings, finish_reason: str, stop_reason: object
) -> None:
    server.script(PATH, then=Reply(body={"choices": [{"index": 0, "token_ids": [4, 13], **choice}]}))
    [found] = sampled(sampler_of(server), [ASKED])
    assert (found.token_ids, found.finish_reason, found.stop_reason) == ((4, 13), finish_reason, stop_reason)


@pytest.mark.parametrize(
    ("usage", "prompt", "cached"),
    [
        ({"prompt_tokens": 30, "prompt_tokens_details": {"cached_tokens": 16}}, 14, 16),
        ({"prompt_tokens": 30, "prompt_tokens_details": None}, 30, 0),
        ({"prompt_tokens": 30}, 30, 0),
        (None, 0, 0),
    ],
)
def test_a_prompts_tokens_are_told_apart_by_where_they_came_from(
    server: ScriptedServer, usage: Settings | None, prompt: int, cached: int
) -> None:
    choices = [GOOD | {"index": index} for index in range(2)]
    server.script(PATH, then=Reply(body={"choices": choices, "usage": usage}))
    found = sampled(sampler_of(server), draws(0, 1))
    assert [(one.prompt_tokens, one.cached_tokens) for one in found] == [(prompt, cached)] * 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [GOOD, GOOD | {"index": 1}]},
        {"choices": ["text"]},
        {"choices": [{key: value for key, value in GOOD.items() if key != "token_ids"}]},
        {"choices": [{key: value for key, value in GOOD.items() if key != "index"}]},
        {"choices": [{key: value for key, value in GOOD.items() if key != "finish_reason"}]},
        {"choices": [GOOD | {"token_ids": None}]},
        {"choices": [GOOD | {"token_ids": "text"}]},
        {"choices": [GOOD | {"token_ids": [1, 2.5]}]},
        {"choices": [GOOD | {"token_ids": [True]}]},
        {"choices": [GOOD], "usage": [3]},
        {"choices": [GOOD], "usage": {"prompt_tokens": "many"}},
        {"choices": [GOOD], "usage": {"prompt_tokens_details": 5}},
    ],
)
def test_a_reply_that_cannot_be_read_ends_the_run_with_one_line(server: ScriptedServer, body: object) -> None:
    server.script(PATH, then=Reply(body=body))
    with pytest.raises(RunError) as ended:
        sampled(sampler_of(server), [ASKED])
    message = str(ended.value)
    assert message.startswith("generator.model=served: the server's reply cannot be read (")
    assert message.endswith("; is it vLLM? Otherwise use generator.protocol=text.") and "\n" not in message
