"""Where a step ends, in token ids.

A separator can end inside a token. The step then extends to the end of that token, in its text and in its ids alike, so
that the ids of a trace are always exactly those that the generator produced.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ttc.engines.endings import Endings
from ttc.engines.thoughts import decode_with_marks, special_marks
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

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        separator: str,
        endings: Endings | None = None,
        end_of_thought: str | None = None,
    ) -> None:
        """Find the tokens that can end a step.

        Args:
            tokenizer: of the generator.
            separator: ends a step.
            endings: what ends a solution.
            end_of_thought: the mark that ends a thought, which stays in the text even as a special token.
        """
        self._tokenizer, self._separator = tokenizer, separator
        self._marks = special_marks(tokenizer, end_of_thought)
        self._endings = endings or Endings()
        vocabulary = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        not_text = {*tokenizer.all_special_ids, *self._endings.ids}
        # A separator can only be completed by a token that contains its last character.
        self._candidates = {
            token for token, text in enumerate(vocabulary) if separator[-1] in text and token not in not_text
        }
        self._one_character = len(separator) == 1
        self.stop_token_ids: tuple[int, ...] = tuple(sorted(self._candidates)) if self._one_character else ()
        self._undecided = tuple(_visible_beginnings(self._endings.strings, separator))
        self._step = lru_cache(CACHED_STEPS)(self._decode_step)

    def text(self, token_ids: Sequence[int]) -> str:
        """Return the text of the ids without special tokens and without the end mark."""
        shown = self._endings.without_mark(token_ids)
        if self._marks:
            return decode_with_marks(self._tokenizer, shown, self._marks)
        text: str = self._tokenizer.decode(shown, skip_special_tokens=True)
        return text

    def ends_step(self, step: Step) -> bool:
        """Whether this text, which begins where a step begins, contains a separator after something visible.

        Where it ends with the visible beginning of a stop string, it is not known yet whether this is a step.
        """
        visible = bool(step.text.strip())
        separated = visible and (self._one_character or self._separator in step.text.lstrip(self._separator))
        return separated and not step.text.endswith(self._undecided)

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

    def cut(self, steps: Sequence[Step], length: int) -> tuple[Step, ...]:
        """Return the first `length` characters of the steps: at least one step, which may be empty.

        The last step keeps the ids that its text needs, the last of which can decode to more than that.
        """
        kept: list[Step] = []
        for step in steps:
            if kept and length <= 0:
                break
            kept.append(step if len(step.text) <= length else self._beginning(step, max(length, 0)))
            length -= len(step.text)
        return tuple(kept)

    def _beginning(self, step: Step, length: int) -> Step:
        text = step.text[:length]
        enough = (n for n in range(len(step.token_ids)) if self.text(step.token_ids[:n]).startswith(text))
        return Step(text, step.token_ids[: next(enough, len(step.token_ids))])

    def _decode_step(self, token_ids: tuple[int, ...]) -> Step:
        return Step(self.text(token_ids), token_ids)


def _visible_beginnings(strings: Sequence[str], separator: str) -> list[str]:
    """Return the beginnings of stop strings at which a step would end, where they hold more than the separator."""
    stripped = [string.lstrip() for string in strings]
    return [
        string[:length]
        for string in stripped
        for length in range(1, len(string))
        if separator in string[:length] and string[:length].replace(separator, "").strip()
    ]
