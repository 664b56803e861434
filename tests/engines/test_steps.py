"""Steps are cut at separators, in token ids."""

from __future__ import annotations

from typing import Any

from ttc.engines.steps import StepSplitter


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
