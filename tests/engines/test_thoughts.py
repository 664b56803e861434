"""A reasoning model's thought: what ends inside it is unfinished, and its marks survive decoding."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ttc.engines.checkpoint import resolve
from ttc.engines.generator import VllmGenerator
from ttc.engines.thoughts import decode_with_marks, special_marks
from ttc.errors import UserError
from ttc.grading.extract import END_OF_THOUGHT_MARKS, extract_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so it is \boxed{2}", True),
        ("<think>so it is 2", True),
        (r"<think>1+1</think>\boxed{2}", False),
        (r"1+1</think>\boxed{2}", False),
        (r"1+1</think>\boxed{2}<think>or 3?", True),
        ("<think>1</think><think>2</think>3", False),
    ],
)
def test_what_ends_before_its_thought_does_is_unfinished(text: str, expected: bool) -> None:
    assert VllmGenerator(end_of_thought="</think>").ends_in_thought(text) is expected
    assert not VllmGenerator().ends_in_thought(text)
    assert not VllmGenerator(end_of_thought="</think>", chat=True, thinking=False).ends_in_thought(text)


@pytest.mark.parametrize("end", END_OF_THOUGHT_MARKS)
def test_every_prefix_that_lacks_the_mark_is_in_the_thought_and_has_no_answer_if_it_shows_the_beginning(
    end: str,
) -> None:
    reasoning, text = VllmGenerator(end_of_thought=end), f"{end.replace('/', '')}\\boxed{{1}}{end}\\boxed{{2}}"
    inside = [reasoning.ends_in_thought(text[:length]) for length in range(len(text) + 1)]
    assert [kind for kind, _ in itertools.groupby(inside)] == [True, False]
    begun = len(end) - 1
    answers = {extract_answer(text[:length]) for length in range(begun, len(text) + 1) if inside[length]}
    assert answers == {None} and extract_answer(text) == "2"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """The pocket's tokenizer with [THINK] and [/THINK] as special tokens, and <think> and </think> as ordinary ones."""
    from transformers import AddedToken, AutoTokenizer

    found = AutoTokenizer.from_pretrained(resolve("pocket", "generator"))
    found.add_special_tokens({"extra_special_tokens": ["[THINK]", "[/THINK]"]})
    found.add_tokens([AddedToken("<think>"), AddedToken("</think>")])
    return found


def test_marks_that_are_special_tokens_survive_decoding(tokenizer: Any) -> None:
    marks = special_marks(tokenizer, "[/THINK]")
    assert sorted(marks.values()) == ["[/THINK]", "[THINK]"]
    ids = tokenizer("<s>[THINK]1+1=2[/THINK]2</s>", add_special_tokens=False)["input_ids"]
    assert decode_with_marks(tokenizer, ids, marks) == "[THINK]1+1=2[/THINK]2"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "1+1=22"  # what would be read without them


def test_marks_that_are_ordinary_tokens_need_nothing(tokenizer: Any) -> None:
    assert special_marks(tokenizer, "</think>") == special_marks(tokenizer, None) == {}
    ids = tokenizer("<think>1+1=2</think>2</s>", add_special_tokens=False)["input_ids"]
    assert decode_with_marks(tokenizer, ids, {}) == "<think>1+1=2</think>2"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (VllmGenerator(end_of_thought="</thought>"), "generator.end_of_thought='</thought>' is not a mark that"),
        (VllmGenerator(end_of_thought=""), "generator.end_of_thought='' is not a mark"),
        (VllmGenerator(end_of_thought="</think>", stop=["</think>"]), "generator.stop holds generator.end_of_thought"),
        (VllmGenerator(thinking=True), "generator.thinking=true is an option of chat templates; use it with"),
        (
            VllmGenerator(chat=True, thinking=False, chat_template_kwargs={"enable_thinking": True}),
            "generator.chat_template_kwargs.enable_thinking is what generator.thinking sets; leave one",
        ),
    ],
)
def test_impossible_settings_of_a_thought_are_refused_before_weights_load(config: VllmGenerator, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        config.check()
    assert "\n" not in str(error.value)
