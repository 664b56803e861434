"""What the generator is shown: one beginning mark, a chat that its template can express, attempts that fit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from flows import PROBLEM
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.engines.checkpoint import resolve
from ttc.engines.endings import Endings
from ttc.engines.prompts import PromptSettings, PromptWriter, end_of_turn
from ttc.errors import UserError
from ttc.types import FinishReason, Step, Trace

BOS, EOS, UNK = 1, 2, 3
TURNS = "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>\n{% endfor %}"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TURNS
SYSTEM_LEFT_OUT = "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"
BROKEN = "{{ messages[0].absent.content }}"


def read_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(resolve("pocket", "generator"))


TOKENIZER = read_tokenizer()


def templated(template: str | None) -> Any:
    tokenizer = copy.deepcopy(TOKENIZER)
    tokenizer.chat_template = template
    return tokenizer


def writer(
    tokenizer: Any, context_settings: PromptSettings | None = None, marks: frozenset[int] = frozenset({EOS})
) -> PromptWriter:
    return PromptWriter(context_settings or PromptSettings(), tokenizer, Endings(marks))


def ids(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER(text, add_special_tokens=False)["input_ids"])


def attempt(token_ids: tuple[int, ...]) -> Trace:
    return Trace(PROBLEM, (Step("", token_ids),), FinishReason.STOP)


def plain_ids(prompt: str, **more: Any) -> tuple[int, ...]:
    return writer(TOKENIZER, PromptSettings(prompt=prompt, **more)).prompt(Trace(PROBLEM), 10, 500).token_ids


def test_a_prompt_begins_with_exactly_one_beginning_mark() -> None:
    once = plain_ids("{question}\n")
    assert once == (BOS, *ids(f"{PROBLEM.question}\n"))
    assert plain_ids("<s>{question}\n") == once
    assert plain_ids("<s><s>{question}\n") == once


def test_a_template_that_writes_the_beginning_mark_does_not_double_it() -> None:
    chat = PromptSettings(chat=True, prompt="{question}")
    for template in ("<s>" + TURNS, "{{ bos_token }}" + TURNS, "<s>{{ bos_token }}" + TURNS):
        found = writer(templated(template), chat).prompt(Trace(PROBLEM), 10, 500).token_ids
        assert found[0] == BOS and BOS not in found[1:]


def test_a_tokenizer_that_adds_no_beginning_mark_gets_none() -> None:
    chat = PromptSettings(chat=True, prompt="{question}")
    assert BOS not in writer(templated(TURNS), chat).prompt(Trace(PROBLEM), 10, 500).token_ids


@pytest.mark.parametrize(
    ("template", "system", "message"),
    [
        (None, None, "generator.chat=true: M has no chat template; use generator.chat=false, or an instruct model"),
        (NO_SYSTEM, "Think.", "generator.system is set, but the chat template of M has no system role; use generator"),
        (SYSTEM_LEFT_OUT, "Think.", "generator.system is set, but the chat template of M has no system role"),
        (BROKEN, None, "generator.chat=true: the chat template of M fails"),
        (BROKEN, "Think.", "generator.chat=true: the chat template of M fails"),
        ("nothing", None, "the chat template of M leaves the user's message out"),
    ],
)
def test_a_chat_that_the_template_cannot_express_is_refused(
    template: str | None, system: str | None, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        PromptSettings(chat=True, system=system).check_template(templated(template), "M")
    assert "\n" not in str(error.value)


def test_a_chat_that_the_template_can_express_is_accepted() -> None:
    PromptSettings(chat=True, system=" Think.\n").check_template(templated(TURNS), "M")
    PromptSettings(chat=True).check_template(templated(NO_SYSTEM), "M")
    PromptSettings(chat=False, system="Think.").check_template(templated(None), "M")


def test_the_end_of_a_turn_is_the_special_token_that_follows_the_answer() -> None:
    chat = PromptSettings(chat=True)
    assert end_of_turn(chat, templated(TURNS)) == EOS
    assert end_of_turn(chat, templated(TURNS.replace("</s>", "<unk>"))) == UNK
    assert end_of_turn(chat, templated(TURNS.replace("</s>", ""))) is None
    assert end_of_turn(PromptSettings(), templated(TURNS)) is None


def test_an_attempt_keeps_the_mark_that_ended_it_and_gets_one_where_a_string_did() -> None:
    marked, other, stopped = attempt((7, 8, EOS)), attempt((7, UNK)), attempt((9, 9))
    found = writer(TOKENIZER, marks=frozenset({EOS, UNK})).prompt(
        Trace(PROBLEM, attempts=(marked, other, stopped)), 10, 500
    )
    assert found.token_ids == (*plain_ids("{question}\n"), 7, 8, EOS, 7, UNK, 9, 9, EOS)
    assert found.hidden_attempts == 0


@given(attempts=st.lists(st.integers(1, 40), max_size=5), max_tokens=st.integers(1, 10**6), context=st.integers(1, 200))
@settings(max_examples=200, derandomize=True)
def test_the_latest_attempts_are_shown_that_leave_half_of_the_room_or_max_tokens(
    attempts: list[int], max_tokens: int, context: int
) -> None:
    plain = len(plain_ids("{question}\n"))
    trace = Trace(PROBLEM, attempts=tuple(attempt((7,) * (length - 1) + (EOS,)) for length in attempts))
    found = writer(TOKENIZER).prompt(trace, max_tokens, context)
    shown = attempts[found.hidden_attempts :]
    assert len(found.token_ids) == plain + sum(shown)
    room = context - plain
    if shown:
        assert context - len(found.token_ids) >= min(max_tokens, room // 2)
    if found.hidden_attempts:
        one_more = sum(attempts[found.hidden_attempts - 1 :])
        assert room - one_more < max(1, min(max_tokens, room // 2))
    if sum(attempts) + max_tokens <= room:
        assert found.hidden_attempts == 0  # as if nothing were ever clamped


def test_a_max_tokens_of_the_whole_context_hides_no_attempt_that_fits_into_half_of_it() -> None:
    trace = Trace(PROBLEM, attempts=(attempt((7,) * 60 + (EOS,)),) * 3)
    assert writer(TOKENIZER).prompt(trace, 512, 512).hidden_attempts == 0
