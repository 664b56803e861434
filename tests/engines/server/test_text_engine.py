"""Solutions as text: what a server is asked, how its replies become steps, and when a solution has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from http_server import MODEL, Asked, Reply, ScriptedServer, refusal, scripted_server

from ttc.engines.base import Draw, EngineReply, Usage
from ttc.engines.sampling import Seeded
from ttc.engines.server.generator import Protocol, ServerGenerator
from ttc.engines.server.text_engine import MOST_BLANKS, TextEngine
from ttc.errors import RunError
from ttc.types import FinishReason, Problem, Sample, Step, Trace

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
PROBLEM = Problem("p1", "What is 2 + 3?", "5")
START = Trace(PROBLEM)
NOTHING_NAMED = object()  # as stop_reason: the server does not say at which string it stopped


def trace_of(*steps: str, finish: FinishReason = FinishReason.STEP) -> Trace:
    return Trace(PROBLEM, tuple(Step(text, ()) for text in steps), finish)


def written(text: str, stop_reason: object = None, finish_reason: str = "stop", tokens: int = 0) -> Reply:
    named = {} if stop_reason is NOTHING_NAMED else {"stop_reason": stop_reason}
    choice = {"text": text, "finish_reason": finish_reason, **named}
    return Reply(body={"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": tokens}})


def said(message: dict[str, Any], finish_reason: str = "stop") -> Reply:
    return Reply(body={"choices": [{"message": message, "finish_reason": finish_reason, "stop_reason": None}]})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    with scripted_server() as found:
        for path in (COMPLETIONS, CHAT):
            found.script(path, then=refusal(400, "the script has ended"))
        yield found


def engine_of(server: ScriptedServer, **settings: Any) -> TextEngine:
    config = ServerGenerator(base_url=server.url, model=MODEL, protocol=Protocol.text, **settings)
    config.check()
    engine = config.start()
    assert isinstance(engine, TextEngine)
    return engine


def replies(engine: TextEngine, requests: Sequence[Sample]) -> list[EngineReply]:
    """Return the replies in the order of the requests."""
    for ticket, request in enumerate(requests):
        engine.submit(ticket, request, Draw(0, ticket))
    found: list[EngineReply] = []
    deadline = time.monotonic() + 30
    while engine.is_busy and time.monotonic() < deadline:
        found += engine.poll()
    found.sort(key=lambda reply: reply.ticket)
    assert [reply.ticket for reply in found] == list(range(len(requests)))
    return found


def reply_of(engine: TextEngine, trace: Trace = START, max_steps: int | None = None) -> EngineReply:
    [found] = replies(engine, [Sample(trace, max_steps)])
    return found


def outcome(found: EngineReply) -> tuple[list[str], FinishReason | None]:
    """Return the texts of all steps, and why the trace ended."""
    assert isinstance(found.reply, Trace)
    return [step.text for step in found.reply.steps], found.reply.finish


def test_a_whole_solution_is_one_request_and_is_cut_into_steps(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("2 + 3 = 5\n\nAnswer: 5", tokens=9))
    found = reply_of(engine_of(server))
    assert outcome(found) == (["2 + 3 = 5\n", "\nAnswer: 5"], FinishReason.STOP)
    assert found.usage == Usage(10, 0, 9)
    [body] = server.bodies(COMPLETIONS)
    assert isinstance(body.pop("seed"), int)
    assert body == {
        "model": MODEL,
        "prompt": "What is 2 + 3?\n",
        "max_tokens": 192,
        "temperature": 1.0,
        "top_p": 1.0,
    }


def test_a_solution_that_is_cut_is_unfinished(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, *[written("2 + 3\nis", finish_reason="length")] * 2)
    expected = (["2 + 3\n", "is"], FinishReason.LENGTH)
    assert outcome(reply_of(engine_of(server))) == expected
    assert outcome(reply_of(engine_of(server), max_steps=1)) == expected


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_solution_is_a_finished_one(server: ScriptedServer, nothing: str | None) -> None:
    server.script(COMPLETIONS, Reply(body={"choices": [{"text": nothing, "finish_reason": "stop"}]}))
    assert outcome(reply_of(engine_of(server))) == ([""], FinishReason.STOP)


def test_a_server_that_names_the_stop_string_is_asked_once_for_each_step(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("2 + 3 = 5", "\n", tokens=4), written("Answer: 5", None, tokens=3))
    engine = engine_of(server)
    first = reply_of(engine, START, 1)
    assert outcome(first) == (["2 + 3 = 5\n"], FinishReason.STEP) and first.usage.decoded == 4
    assert isinstance(first.reply, Trace)
    assert outcome(reply_of(engine, first.reply, 1)) == (["2 + 3 = 5\n", "Answer: 5"], FinishReason.STOP)
    assert [(body["prompt"], body["stop"]) for body in server.bodies(COMPLETIONS)] == [
        ("What is 2 + 3?\n", ["\n"]),
        ("What is 2 + 3?\n2 + 3 = 5\n", ["\n"]),
    ]


def test_a_server_that_names_no_stop_string_is_asked_until_it_says_nothing_more(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("2 + 3 = 5", NOTHING_NAMED), written("", NOTHING_NAMED))
    engine = engine_of(server)
    first = reply_of(engine, START, 1).reply
    assert first == trace_of("2 + 3 = 5\n")
    assert reply_of(engine, first, 1).reply == trace_of("2 + 3 = 5\n", finish=FinishReason.STOP)


def test_a_stop_string_other_than_the_separator_ends_the_solution(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, *[written("Answer: 5", "Problem:")] * 2)
    engine = engine_of(server, stop=["Problem:"])
    for most in (1, None):
        assert outcome(reply_of(engine, START, most)) == (["Answer: 5"], FinishReason.STOP)
    assert [body["stop"] for body in server.bodies(COMPLETIONS)] == [["\n", "Problem:"], ["Problem:"]]


def test_several_steps_are_asked_for_one_after_the_other_as_one_reply(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, *(written(text, "\n", tokens=2) for text in ("a", "b", "c")))
    found = reply_of(engine_of(server), trace_of("x\n"), 3)
    assert outcome(found) == (["x\n", "a\n", "b\n", "c\n"], FinishReason.STEP)
    assert found.usage == Usage(10, 0, 6)  # the prompt counts once
    assert [body["prompt"].partition("\n")[2] for body in server.bodies(COMPLETIONS)] == ["x\n", "x\na\n", "x\na\nb\n"]


def test_several_steps_end_with_the_solution(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("a", "\n"), written("Answer: 5"))
    assert outcome(reply_of(engine_of(server), max_steps=3)) == (["a\n", "Answer: 5"], FinishReason.STOP)


def test_a_blank_line_is_no_step(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("", "\n"), written("  ", "\n"), written("a", "\n"))
    assert outcome(reply_of(engine_of(server), max_steps=1)) == (["\n  \na\n"], FinishReason.STEP)


def test_blank_lines_that_do_not_end_are_the_end(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("a", "\n"), *[written("", "\n")] * MOST_BLANKS)
    texts, finish = outcome(reply_of(engine_of(server), max_steps=2))
    assert finish is FinishReason.STOP and "".join(texts) == "a\n" + "\n" * MOST_BLANKS


def test_a_solution_gets_no_more_room_than_it_has_left(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, written("b"))
    engine = engine_of(server, max_tokens=20)
    reply_of(engine, trace_of("x" * 39 + "\n"))
    assert server.bodies(COMPLETIONS)[0]["max_tokens"] == 10  # of about four bytes each
    assert outcome(reply_of(engine, trace_of("x" * 80 + "\n")))[1] is FinishReason.LENGTH
    assert len(server.bodies(COMPLETIONS)) == 1


def test_no_more_samples_are_in_flight_than_may_be(server: ScriptedServer) -> None:
    lock = threading.Lock()
    in_flight, largest = 0, 0

    def script(asked: Asked) -> Reply:
        nonlocal in_flight, largest
        with lock:
            in_flight += 1
            largest = max(largest, in_flight)
        time.sleep(0.005)
        with lock:
            in_flight -= 1
        return written("a")

    server.script(COMPLETIONS, then=script)
    found = replies(engine_of(server, max_in_flight=2), [Sample(START)] * 9)
    assert [outcome(reply)[0] for reply in found] == [["a"]] * 9
    assert largest <= 2


def test_replies_belong_to_their_requests(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=lambda asked: written(f"{asked.body['prompt'].splitlines()[1]} again"))
    found = replies(engine_of(server), [Sample(trace_of(f"step {number}\n")) for number in range(50)])
    assert [outcome(reply)[0][1] for reply in found] == [f"step {number} again" for number in range(50)]


def test_a_sample_has_a_seed_of_its_own_that_is_the_same_each_time(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=written("a"))
    for _ in range(2):
        replies(engine_of(server), [Sample(START), Sample(START), Sample(START, temperature=0.5)])
    found = [body["seed"] for body in server.bodies(COMPLETIONS)]
    assert len(set(found)) == 3 and sorted(found[:3]) == sorted(found[3:])
    assert all(0 <= seed < 2**53 for seed in found)


def test_greedy_samples_and_those_that_the_engine_draws_have_no_seed(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=written("a"))
    replies(engine_of(server), [Sample(START, temperature=0.0)])
    replies(engine_of(server, seeded=Seeded.engine), [Sample(START)])
    assert ["seed" in body for body in server.bodies(COMPLETIONS)] == [False, False]


def test_the_users_sampling_and_spelling_of_the_limit_are_sent(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=written("a"))
    reply_of(engine_of(server, top_k=5, sampling={"max_completion_tokens": 900, "logit_bias": {"7": -5}}))
    [body] = server.bodies(COMPLETIONS)
    assert "max_tokens" not in body
    assert (body["max_completion_tokens"], body["logit_bias"], body["top_k"]) == (900, {"7": -5}, 5)


def test_worked_examples_come_before_the_problem(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=written("a"))
    server.script(CHAT, then=said({"content": "a"}))
    reply_of(engine_of(server, few_shot="math"))
    reply_of(engine_of(server, few_shot="math", chat=True))
    config = ServerGenerator(few_shot="math")
    assert server.bodies(COMPLETIONS)[0]["prompt"] == config.text(PROBLEM.question) != config.user(PROBLEM.question)
    assert server.bodies(CHAT)[0]["messages"] == config.messages(config.turns(PROBLEM.question))


def test_earlier_attempts_stand_between_the_problem_and_the_solution(server: ScriptedServer) -> None:
    server.script(COMPLETIONS, then=written("a"))
    attempts = (trace_of("Answer: 6\n"), trace_of("Answer: 7"))
    reply_of(engine_of(server), Trace(PROBLEM, (Step("So\n", ()),), FinishReason.STEP, attempts))
    assert server.bodies(COMPLETIONS)[0]["prompt"] == "What is 2 + 3?\nAnswer: 6\n\nAnswer: 7\n\nSo\n"


def test_the_server_says_what_its_cache_served(server: ScriptedServer) -> None:
    details = {"prompt_tokens": 30, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 16}}
    server.script(COMPLETIONS, Reply(body={"choices": [{"text": "a", "finish_reason": "stop"}], "usage": details}))
    assert reply_of(engine_of(server)).usage == Usage(14, 16, 2)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": ["text"]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"text": "a"}] * 2},
        {"choices": [{"text": ["parts"]}]},
        {"choices": [{"message": "text"}]},
        {"choices": [{"text": "a"}], "usage": {"prompt_tokens": "many"}},
    ],
)
def test_a_reply_that_cannot_be_read_ends_the_run_with_one_line(server: ScriptedServer, body: object) -> None:
    server.script(COMPLETIONS, then=Reply(body=body))
    with pytest.raises(RunError, match=r"^generator\.model=served: the server's reply cannot be read \(.*protocol\?$"):
        reply_of(engine_of(server))
