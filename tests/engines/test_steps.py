"""Steps are cut at separators, in token ids."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.engines.endings import Endings
from ttc.engines.steps import StepSplitter
from ttc.types import Step


class TwoCharacterTokens:
    """A tokenizer in which separators end inside tokens and span them."""

    texts = ("a", "b.", "\n", "\n\n", ".\n\nc", " ", "</s>")
    all_special_ids = (6,)

    def __len__(self) -> int:
        return len(self.texts)

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        return "".join(self.texts[i] for i in ids if not (skip_special_tokens and i in self.all_special_ids))

    def batch_decode(self, rows: Any) -> list[str]:
        return [self.decode(row) for row in rows]


def test_a_separator_that_ends_inside_a_token_ends_the_step_with_that_token() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n\n")
    steps = splitter.split((0, 4, 0, 6))
    assert [(step.text, step.token_ids) for step in steps] == [("a.\n\nc", (0, 4)), ("a", (0, 6))]
    assert splitter.stop_token_ids == ()  # it can span tokens, so sampling must watch the text


def test_a_separator_that_spans_two_tokens_is_found() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n\n")
    assert [step.text for step in splitter.split((0, 2, 2, 1))] == ["a\n\n", "b."]


def test_blank_lines_belong_to_the_following_step() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n")
    assert splitter.stop_token_ids == (2, 3, 4)
    assert [step.text for step in splitter.split((2, 5, 2, 0, 2, 3, 1))] == ["\n \na\n", "\n\nb."]


def test_an_end_mark_is_no_part_of_a_text_even_where_it_is_an_ordinary_token() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n", Endings(ids=frozenset({1, 2})))
    assert [(step.text, step.token_ids) for step in splitter.split((0, 3, 0, 1))] == [("a\n\n", (0, 3)), ("a", (0, 1))]
    assert 2 not in splitter.stop_token_ids  # it ends the solution, not a step


def test_a_step_does_not_end_within_the_visible_beginning_of_a_stop_string() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n", Endings(strings=("b.\na",)))
    assert [step.text for step in splitter.split((0, 2, 1, 2, 1, 2))] == ["a\n", "b.\nb.\n"]
    plain = StepSplitter(TwoCharacterTokens(), "\n", Endings(strings=("\n\na",)))
    assert [step.text for step in plain.split((0, 2, 1, 2))] == ["a\n", "b.\n"]


def test_a_separator_that_begins_a_stop_string_still_ends_a_step() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), ".\n", Endings(strings=(".\nb",)))
    assert [step.text for step in splitter.split((0, 1, 2, 0))] == ["ab.\n", "a"]


def test_cutting_keeps_the_tokens_that_the_text_needs() -> None:
    splitter = StepSplitter(TwoCharacterTokens(), "\n")
    steps = splitter.split((0, 2, 0, 4, 1, 0))  # "a\n", "a.\n\nc", "b.a"
    assert splitter.cut(steps, 100) == steps
    assert splitter.cut(steps, 2) == steps[:1]
    assert splitter.cut(steps, 4) == (steps[0], Step("a.", (0, 4)))
    assert splitter.cut(steps, 3) == (steps[0], Step("a", (0,)))
    assert splitter.cut(steps, 0) == (Step("", ()),)


@given(
    st.lists(st.sampled_from(range(6)), min_size=1, max_size=10), st.integers(0, 30), st.sampled_from(("\n", "\n\n"))
)
@settings(max_examples=200, derandomize=True)
def test_cut_steps_are_a_prefix_of_the_text_and_of_the_ids(ids: list[int], length: int, separator: str) -> None:
    tokenizer = TwoCharacterTokens()
    splitter = StepSplitter(tokenizer, separator)
    cut = splitter.cut(splitter.split(tuple(ids)), length)
    text = "".join(step.text for step in cut)
    kept = [token for step in cut for token in step.token_ids]
    assert text == tokenizer.decode(ids)[:length]
    assert kept == ids[: len(kept)] and tokenizer.decode(kept).startswith(text)
    assert not tokenizer.decode(kept[:-1]).startswith(text) or not kept  # no token more than needed
