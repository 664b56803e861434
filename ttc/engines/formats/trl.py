"""The format of token classifiers that TRL's PRMTrainer trains."""

from __future__ import annotations

from ttc.engines.formats.base import StepFormat, without


class TrlFormat(StepFormat):
    """TRL's PRMTrainer: problem, steps and separators, each tokenised by itself, with two classes after each step.

    `step_separator` is the trainer's: a newline unless it was set. The second class means "correct".
    """

    needs_tokens = True
    classes = 2
    correct_class = 1

    def missing(self) -> str | None:
        separator = self._options.step_separator
        return None if self._ids(separator) else f"token for the step separator {separator!r}"

    def head(self, question: str) -> list[int]:
        start = self._tokenizer.bos_token_id
        return ([] if start is None else [start]) + self._ids(question)

    def step(self, question: str, step: str, index: int) -> list[int]:
        separator = self._options.step_separator
        return self._ids(without(step, separator)) + self._ids(separator)
