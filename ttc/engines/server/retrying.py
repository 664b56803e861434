"""Which failures of a request may pass, how long to wait before it is repeated, and when it is the request's fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_PAUSE_SECONDS = 8.0  # between two attempts of one request
LONGEST_DELAY_SECONDS = 60.0  # that a server may ask for in Retry-After
TEMPORARY = frozenset({408, 409, 425, 429})  # and 500 to 599
UNAVAILABLE = frozenset({502, 503, 504})  # what a proxy says while the server behind it starts
MOST_CRASHES = 6  # of one request, e.g. with status 500: then it is the request that the server cannot serve


def is_temporary(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in TEMPORARY or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


class Crashes:
    """Counts how often one request failed at a server that was there; other failures say nothing of the request."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, state: RetryCallState) -> bool:
        """Note a failed attempt; return whether there were too many."""
        import openai

        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, openai.InternalServerError) and error.status_code not in UNAVAILABLE:
            self._count += 1
        return self._count >= MOST_CRASHES


def pause(state: RetryCallState) -> float:
    """Return the seconds before the next attempt: what the server asks for, or an exponential pause with jitter."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    asked = _retry_after(error)
    return asked if asked is not None else wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE_SECONDS)(state)


def _retry_after(error: BaseException | None) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:  # none, or a date, which few servers send
        return None
    return min(max(seconds, 0.0), LONGEST_DELAY_SECONDS) if math.isfinite(seconds) else None
