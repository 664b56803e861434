"""Solutions as the turns of a chat, the keys of requests, and how a text is cut into steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from http_server import MODEL, Reply, ScriptedServer, scripted_server
from hypothesis import example, given
from hypothesis import strategies as st

from ttc.engines.base import Draw
from ttc.engines.sampling import Seeded
from ttc.engines.server.generator import Protocol, ServerGenerator
from ttc.engines.server.text_engine import TextEngine, split_steps
from ttc.types import FinishReason, Problem, Sample, Step, Trace

CHAT = "/v1/chat/completions"
PROBLEM = Problem("p1", "What is 2 + 3?", "5")
START = Trace(PROBLEM)
USER = {"role": "user", "content": "What is 2 + 3?\n"}


def trace_of(*steps: str, finish: FinishReason = FinishReason.STEP) -> Trace:
    return Trace(PROBLEM, tuple(Step(text, ()) for text in steps), finish)


def said(finish_reason: str = "stop", **message: object) -> Reply:
    return Reply(body={"choices": [{"message": message, "finish_reason": finish_reason, "stop_reason": None}]})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.delenv("TTC_API_KEY", raising=False)
    with scripted_server() as found:
        found.script(CHAT, then=said(content="Answer: 5"))
        yield found


def engine_of(server: ScriptedServer, **settings: Any) -> TextEngine:
    given = {"base_url": server.url, "model": MODEL, "protocol": Protocol.text, "chat": True, **settings}
    config = ServerGenerator(**given)
    config.check()
    engine = config.start()
    assert isinstance(engine, TextEngine)
    return engine


def continued(engine: TextEngine, trace: Trace = START, max_steps: int | None = None) -> Trace:
    engine.submit(0, Sample(trace, max_steps), Draw())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for found in engine.poll():
            assert isinstance(found.reply, Trace)
            return found.reply
    raise AssertionError("no reply")


def test_a_problem_is_the_users_turn_after_the_systems(server: ScriptedServer) -> None:
    assert continued(engine_of(server, system="Be brief.")) == trace_of("Answer: 5", finish=FinishReason.STOP)
    [body] = server.bodies(CHAT)
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, USER]
    assert not {"continue_final_message", "add_generation_prompt", "chat_template_kwargs"} & set(body)


def test_a_begun_solution_is_the_assistants_unfinished_turn(server: ScriptedServer) -> None:
    continued(engine_of(server), trace_of("2 + 3\n", "= 5\n"))
    [body] = server.bodies(CHAT)
    assert body["messages"] == [USER, {"role": "assistant", "content": "2 + 3\n= 5\n"}]
    assert body["continue_final_message"] is True and body["add_generation_prompt"] is False


def test_earlier_attempts_are_earlier_turns(server: ScriptedServer) -> None:
    attempts = (trace_of("Answer: 6", finish=FinishReason.STOP), trace_of("Answer: 7", finish=FinishReason.STOP))
    continued(engine_of(server, revise="Again."), Trace(PROBLEM, attempts=attempts))
    again = {"role": "user", "content": "Again."}
    first, second = ({"role": "assistant", "content": f"Answer: {number}"} for number in (6, 7))
    assert server.bodies(CHAT)[0]["messages"] == [USER, first, again, second, again]


def test_the_chat_template_is_told_what_the_user_sets(server: ScriptedServer) -> None:
    continued(engine_of(server, thinking=False, chat_template_kwargs={"tone": "dry"}))
    assert server.bodies(CHAT)[0]["chat_template_kwargs"] == {"enable_thinking": False, "tone": "dry"}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_thought_that_is_given_apart_comes_before_the_answer(server: ScriptedServer, name: str) -> None:
    server.script(CHAT, then=said(content="Answer: 5", **{name: "2 + 3 = 5"}))
    assert continued(engine_of(server)).text == "2 + 3 = 5</think>Answer: 5"
    assert continued(engine_of(server, end_of_thought="</think>")).finish is FinishReason.STOP


def test_a_thought_without_an_end_is_unfinished(server: ScriptedServer) -> None:
    server.script(CHAT, then=said(content="2 + 3 is perhaps"))
    assert continued(engine_of(server, end_of_thought="</think>")).finish is FinishReason.LENGTH


def test_a_message_without_content_is_empty(server: ScriptedServer) -> None:
    server.script(CHAT, then=said(content=None))
    assert continued(engine_of(server)) == trace_of("", finish=FinishReason.STOP)


def test_steps_of_a_chat_are_cut_where_the_server_stopped(server: ScriptedServer) -> None:
    choice = {"message": {"content": "2 + 3 = 5"}, "finish_reason": "stop", "matched_stop": "\n"}  # SGLang's name
    server.script(CHAT, then=Reply(body={"choices": [choice]}))
    assert continued(engine_of(server), max_steps=1) == trace_of("2 + 3 = 5\n")


def test_keys_are_equal_for_equal_requests_and_differ_for_all_others(server: ScriptedServer) -> None:
    begun = trace_of("2 + 3\n")
    revised = Trace(PROBLEM, attempts=(trace_of("Answer: 6", finish=FinishReason.STOP),))
    elsewhere = Trace(Problem("p1", "What is 2 + 4?", "6"))
    samples = [Sample(START), Sample(START, 1), Sample(START, 2), Sample(START, None, 0.5), Sample(begun)]
    samples += [Sample(trace_of("2 + 3\n", "= 5\n")), Sample(trace_of("2 + 4\n")), Sample(revised), Sample(elsewhere)]
    engine = engine_of(server)
    keys = [engine.key(sample, draw) for sample in samples for draw in (Draw(0, 0), Draw(0, 1), Draw(1, 0))]
    other: list[dict[str, Any]] = [
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"top_k": 5},
        {"max_tokens": 20},
        {"version": "2"},
        {"chat": False},
    ]
    other += [{"stop": ["x"]}, {"sampling": {"min_p": 0.1}}, {"system": "Be brief."}, {"step_separator": "\n\n"}]
    other += [{"thinking": True}, {"few_shot": "math"}, {"end_of_thought": "</think>"}, {"seeded": Seeded.engine}]
    keys += [engine_of(server, **settings).key(Sample(START), Draw(0, 0)) for settings in other]
    for first, second in combinations(range(len(keys)), 2):
        assert keys[first] != keys[second], (first, second)
    again = engine_of(server, max_in_flight=3, patience_seconds=9.0)
    assert [again.key(sample, Draw(0, 0)) for sample in samples] == keys[: 3 * len(samples) : 3]


def test_a_problem_is_known_by_its_text_alone(server: ScriptedServer) -> None:
    engine = engine_of(server)
    renamed = replace(START, problem=replace(PROBLEM, id="p9", gold="0"))
    assert engine.key(Sample(renamed), Draw()) == engine.key(Sample(START), Draw())
    other_steps = engine.key(Sample(trace_of("2 + 3\n", "= 5\n")), Draw())
    assert engine.key(Sample(trace_of("2 + 3\n= 5\n")), Draw()) == other_steps


@given(st.text(st.sampled_from("ab \n")), st.sampled_from(["\n", "\n\n", "ab", " \n"]))
@example("\n\n", "\n\n")
@example("", "\n")
@example("a\n\n\n", "\n")
def test_steps_put_together_give_the_text_back_and_all_but_the_last_show_something(text: str, separator: str) -> None:
    steps = split_steps(text, separator)
    assert "".join(steps) == text
    assert all(step.strip() for step in steps[:-1])
    assert all(step.endswith(separator) for step in steps[:-1])
    assert "" not in steps


@given(st.lists(st.text(st.sampled_from("ab "), min_size=1).filter(str.strip), min_size=1))
def test_a_text_of_lines_is_cut_behind_each_line(lines: list[str]) -> None:
    assert split_steps("".join(f"{line}\n" for line in lines), "\n") == [f"{line}\n" for line in lines]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\nb", ["a\n", "b"]),
        ("\n\na\n", ["\n\na\n"]),
        ("a\n\n\nb\n", ["a\n", "\n\nb\n"]),
        ("a\n \n", ["a\n \n"]),
        ("\n\n", ["\n\n"]),
    ],
)
def test_blank_lines_belong_to_a_step_that_shows_something(text: str, steps: list[str]) -> None:
    assert split_steps(text, "\n") == steps
