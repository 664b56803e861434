"""The format of Math-Shepherd's PRM."""

from __future__ import annotations

import re

from ttc.engines.formats.base import StepFormat, without


class MathShepherdFormat(StepFormat):
    """Math-Shepherd's Mistral PRM: each step ends with the mark ` ки`, where P(+) is read (Wang et al. 2024).

    The input is `QUESTION Step 1: TEXT ки`, then a line `Step 2: TEXT ки` and so on; the numbers are the format's own.
    Its tokenizer puts a space before every text, so a step is tokenised behind a mark, as in the whole solution.
    """

    MARK = "ки"
    NUMBER = re.compile(r"\A[#*\s]*step\s*\d+\**\s*[:.](?!\d)\**\s*", re.IGNORECASE)

    needs_tokens = True

    def missing(self) -> str | None:
        return self._missing_token(self.MARK, self._behind_mark(f" {self.MARK}"))

    def head(self, question: str) -> list[int]:
        ids: list[int] = self._tokenizer(question)["input_ids"]
        return ids

    def step(self, question: str, step: str, index: int) -> list[int]:
        text = self.NUMBER.sub("", without(step, self.MARK))  # its own generator writes both
        before = " " if index == 0 else "\n"
        return self._behind_mark(f"{before}Step {index + 1}: {text} {self.MARK}")

    def _behind_mark(self, text: str) -> list[int]:
        return self._ids(f"{self.MARK}{text}")[len(self._ids(self.MARK)) :]
