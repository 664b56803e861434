"""Where a step ends, in token ids.

A separator can end inside a token. The step then extends to the end of that token, in its text and in its ids alike, so
that the ids of a trace are always exactly those that the generator produced.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ttc.types import Step

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CACHED_STEPS = 16_384  # many samples contain the same step: it is decoded once, and one object serves them all


class StepSplitter:
    """Cuts generated token ids into steps.

    Attributes:
        stop_token_ids: for a separator of one character, every token that contains it; sampling that stops at these
            needs no text. Empty for a longer separator, which can span tokens: sampling must then stop at the string.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, separator: str) -> None:
        self._tokenizer, self._separator = tokenizer, separator
        vocabulary = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        special = set(tokenizer.all_special_ids)
        # A separator can only be completed by a token that contains its last character.
        self._candidates = {
            token for token, text in enumerate(vocabulary) if separator[-1] in text and token not in special
        }
        self._one_character = len(separator) == 1
        self.stop_token_ids: tuple[int, ...] = tuple(sorted(self._candidates)) if self._one_character else ()
        self._step = lru_cache(CACHED_STEPS)(self._decode_step)

    def text(self, token_ids: Sequence[int]) -> str:
        """Return the text of the ids without special tokens such as the end mark."""
        text: str = self._tokenizer.decode(token_ids, skip_special_tokens=True)
        return text

    def ends_step(self, step: Step) -> bool:
        """Whether this text, which begins where a step begins, contains a separator after something visible."""
        visible = bool(step.text.strip())
        return visible and (self._one_character or self._separator in step.text.lstrip(self._separator))

    def split(self, token_ids: tuple[int, ...]) -> tuple[Step, ...]:
        """Cut ids into steps; what follows the last separator is a step too."""
        steps: list[Step] = []
        start = 0
        for end in range(1, len(token_ids) + 1):
            if token_ids[end - 1] in self._candidates and self.ends_step(step := self._step(token_ids[start:end])):
                steps.append(step)
                start = end
        if start < len(token_ids):
            steps.append(self._step(token_ids[start:]))
        return tuple(steps)

    def _decode_step(self, token_ids: tuple[int, ...]) -> Step:
        return Step(self.text(token_ids), token_ids)
