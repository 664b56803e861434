"""The seam below the verifier's engine: a scorer reads token ids and returns numbers, wherever the model runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says about ids at the last of them.

    Attributes:
        values: one number for each class.
        prompt_tokens: tokens that were computed.
        cached_tokens: tokens that the prefix cache served.
    """

    ticket: int
    values: tuple[float, ...]
    prompt_tokens: int
    cached_tokens: int


class Scorer(Protocol):
    """A running model that reads many sequences of ids at once."""

    def submit(self, ticket: int, ids: list[int]) -> None:
        """Queue ids, at least one."""

    def poll(self) -> list[Scored]:
        """Work for a moment and return what has been read, possibly nothing."""
