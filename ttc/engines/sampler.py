"""The seam below the generator's engine: a sampler continues token ids, wherever the model runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ttc.engines.base import Draw


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a model is asked to continue, and where it must stop.

    Attributes:
        prompt: token ids, those of the solution so far included.
        max_tokens: the largest number of new tokens, at least 1.
        by_step: whether the next step alone is wanted.
        stop_token_ids: any of these ends the continuation, and is its last token.
        stop: so does any of these strings.
        draw: tells independent samples of the same prompt apart.
    """

    prompt: tuple[int, ...]
    max_tokens: int
    temperature: float
    by_step: bool
    stop_token_ids: tuple[int, ...]
    stop: tuple[str, ...]
    draw: Draw


@dataclass(frozen=True, slots=True)
class Completion:
    """The sampled tokens, why they ended, and what their prompt cost.

    Attributes:
        finish_reason: vLLM's word for it: `stop`, `length`, `repetition`, or another for a request that was given up.
        stop_reason: the string or the token id that ended it; None for the checkpoint's own end mark.
        prompt_tokens: tokens of the prompt that were computed.
        cached_tokens: tokens of the prompt that the prefix cache served.
    """

    ticket: int
    token_ids: tuple[int, ...]
    finish_reason: str
    stop_reason: int | str | None
    prompt_tokens: int
    cached_tokens: int


class Sampler(Protocol):
    """A running model that continues many prompts at once.

    Attributes:
        knows_progress: whether `decoding_tokens` is known.
    """

    knows_progress: bool

    def submit(self, ticket: int, asked: Continuation) -> None:
        """Queue a prompt."""

    def poll(self) -> list[Completion]:
        """Work for a moment and return what has been completed, possibly nothing."""

    @property
    def decoding_tokens(self) -> int:
        """Tokens decoded so far for what is not completed; 0 where that is unknown."""
