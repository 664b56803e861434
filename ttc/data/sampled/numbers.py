"""Scores, token counts, verdicts and reasons to finish, as tools write them beside a completion."""

from __future__ import annotations

import math

from ttc.data.fields import shown
from ttc.errors import UserError
from ttc.types import FinishReason

_FINISHES = {
    **dict.fromkeys(("length", "max_tokens"), FinishReason.LENGTH),
    **dict.fromkeys(("stop", "eos", "end_turn", "stop_sequence"), FinishReason.STOP),
}
_VERDICTS = {"true": True, "false": False}
_REMEDY = "a score is a finite number, or a list of them, one per step: fix the row, or ignore scores by --scores none."


def scores_of(where: str, value: object) -> tuple[float, ...]:
    """Return the score of a completion, or those of its steps; none where the value is null or an empty list.

    Raises:
        UserError: it holds anything but finite numbers.
    """
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(_score(f"{where}[{n}]", entry) for n, entry in enumerate(value))
    return (_score(where, value),)


def _score(where: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{where} is {shown(value)}; {_REMEDY}")
    return number


def tokens_of(value: object) -> int | None:
    """Return a token count; None where there is none, as search-and-learn's -1 says."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:  # CSV files hold texts only
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return int(value) if value == int(value) else None


def verdict_of(value: object) -> bool | None:
    """Return what true, false, 1 and 0 say; None of anything else."""
    if isinstance(value, str):
        return _VERDICTS.get(value.strip().lower())
    return bool(value) if isinstance(value, bool | int | float) and value in (0, 1) else None


def finish_of(value: object) -> FinishReason | None:
    """Return why a completion ended, as OpenAI's protocol and vLLM call it."""
    return _FINISHES.get(value.strip().lower()) if isinstance(value, str) else None
