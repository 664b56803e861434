"""How solutions are sampled, wherever the model runs: temperature, nucleus, length, and where a solution ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ttc.engines.prompts import PromptSettings
from ttc.engines.thoughts import beginning_of_thought
from ttc.errors import UserError
from ttc.grading.extract import END_OF_THOUGHT_MARKS
from ttc.hashing import digest

# SamplingParams that follow from the request, and the remedy for each that users might set.
SET_PER_REQUEST = {
    "seed": "use seed=",
    "max_tokens": "use generator.max_tokens=",
    "temperature": "use generator.temperature=",
    "top_p": "use generator.top_p=",
    "top_k": "use generator.top_k=",
    "stop": "use generator.stop=",
    "stop_token_ids": "use generator.stop=",
    **dict.fromkeys(
        ("n", "include_stop_str_in_output", "detokenize", "output_kind", "skip_clone"),
        "leave it out",
    ),
}

MOST_TOP_K = 2**31 - 1  # vLLM holds it in 32 bits


class Seeded(StrEnum):
    """Where a sample's randomness comes from."""

    request = "request"  # every request has a seed that follows from what it asks: runs are reproducible
    engine = "engine"  # the engine's own generator: a whole batch is sampled at once, in an order that varies


@dataclass
class SamplingSettings(PromptSettings):
    """How solutions are sampled.

    `max_tokens` bounds a whole solution, all its steps together. `sampling` goes to the engine as it is, e.g.
    `{min_p: 0.05}`.

    A solution ends at any of the checkpoint's end marks, or before one of the strings in `stop`: base models, which go
    on to a problem of their own, need e.g. `["\\n\\nProblem:"]`. Of a reasoning model, `end_of_thought` names the mark
    that ends its thought, e.g. `</think>`: what ends before it is unfinished, and only what follows it can answer.

    With `seeded=engine` no request has a seed of its own. vLLM then samples a batch in one kernel instead of row by
    row, which is faster on a GPU; the samples can be had again only from the store.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    max_tokens: int = 192
    stop: list[str] = field(default_factory=list)
    sampling: dict[str, Any] = field(default_factory=dict)
    end_of_thought: str | None = None
    seeded: Seeded = Seeded.request

    def ends_in_thought(self, text: str) -> bool:
        """Whether a whole solution ended before its thought did: then it is unfinished.

        The text need not show where the thought begins: some chat templates open it in the prompt.
        """
        mark = self.end_of_thought
        if mark is None or self.thinking is False:
            return False
        _, ended, rest = text.rpartition(mark)
        return not ended or beginning_of_thought(mark) in rest

    def check_sampling(self) -> None:
        """Refuse values that no engine can sample with.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        if self.max_tokens < 1:
            raise UserError(f"generator.max_tokens={self.max_tokens} is below 1; use 1 or more.")
        if not 0 <= self.temperature < math.inf:  # NaN is not
            raise UserError(
                f"generator.temperature={self.temperature}: must be 0 (greedy) or more, and finite; use e.g. 1.0."
            )
        if not 0 < self.top_p <= 1:
            raise UserError(f"generator.top_p={self.top_p} is not in (0, 1]; use e.g. 1.0.")
        if self.top_k < -1 or self.top_k > MOST_TOP_K:
            raise UserError(f"generator.top_k={self.top_k}: must be from -1 (all tokens) to {MOST_TOP_K}; use e.g. 20.")
        if "" in self.stop:
            raise UserError("generator.stop holds an empty string, at which every solution would end; leave it out.")
        if self.end_of_thought is not None and self.end_of_thought not in END_OF_THOUGHT_MARKS:
            raise UserError(
                f"generator.end_of_thought={self.end_of_thought!r} is not a mark that answers are read after; use one "
                f"of {', '.join(END_OF_THOUGHT_MARKS)}, or null."
            )
        if self.end_of_thought in self.stop:
            raise UserError(
                f"generator.stop holds generator.end_of_thought={self.end_of_thought}, before which every solution "
                "would end; leave it out."
            )
        self._check_extra_sampling()

    def _check_extra_sampling(self) -> None:
        for name, value in self.sampling.items():
            if remedy := SET_PER_REQUEST.get(name):
                raise UserError(f"generator.sampling.{name} is set by ttc for each request; {remedy}.")
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"generator.sampling.{name}={value}: must be a finite number.")

    def example_digests(self) -> dict[str, str]:
        """Return what identifies the content of the worked examples, if there are any."""
        return {"few_shot": digest(self.examples()).hex()} if self.few_shot else {}

    def sampling_identity(self) -> tuple[tuple[str, str], ...]:
        """Return what the store's keys say about sampling beside the numbers that every request carries.

        Settings at their defaults are left out, so that adding a setting here keeps the keys of existing stores.
        """
        given = {
            "few_shot": self.examples(),
            "sampling": sorted(self.sampling.items()),
            "chat_template_kwargs": sorted(self.chat_template_kwargs.items()),
            "stop": self.stop,
            "end_of_thought": None if self.thinking is False else self.end_of_thought,
            "seeded": None if self.seeded is Seeded.request else self.seeded.value,
        }
        return tuple((name, repr(value)) for name, value in given.items() if value)
