"""The format of the Skywork-o1-Open PRMs."""

from __future__ import annotations

from ttc.engines.formats.base import StepFormat


class SkyworkFormat(StepFormat):
    """Skywork-o1-Open-PRM: problem and solution as lines, with a value at the newline after each (Skywork 2024).

    To this verifier every line is a step. A step of several lines has the value of its last line. Blank lines are left
    out: they would be steps without text. The value head gives one number, whose sigmoid is the value.
    """

    needs_tokens = True
    classes = 1

    def missing(self) -> str | None:
        return "start mark (bos_token)" if self._tokenizer.bos_token is None else None

    def head(self, question: str) -> list[int]:
        return self._ids(f"{self._tokenizer.bos_token}{question}\n")

    def step(self, question: str, step: str, index: int) -> list[int]:
        newline = self._ids("\n")[-1]
        lines = [line for line in step.split("\n") if line.strip()]
        return [id_ for line in lines or [""] for id_ in (*self._ids(line), newline)]
