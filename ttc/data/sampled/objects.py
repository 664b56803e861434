"""Layouts in which a completion is an object: within the row of its problem, or a row of its own."""

from __future__ import annotations

from collections.abc import Sequence

from ttc.data.fields import is_missing, shown
from ttc.data.sampled.fields import Fields, first_present, sampled_row
from ttc.data.sampled.lists import LISTS, texts_in
from ttc.data.sampled.numbers import finish_of, scores_of, tokens_of, verdict_of
from ttc.data.sampled.rows import Completion, SampledRow
from ttc.errors import UserError

ROW_TEXTS = ("completion", "response", "generation", "generated_text", "model_output", "output", "text")
_TEXTS = ("text", *ROW_TEXTS[:-1], "content", "solution")
_SCORES = ("values", "step_scores", "scores", "rewards", "score", "reward", "value", "rm_score", "pred_score")
_TOKENS = ("tokens", "completion_tokens", "num_tokens", "n_tokens")
_VERDICTS = ("correct", "is_correct", "score")


def read_samples(place: str, row: Fields, with_scores: bool) -> SampledRow:
    """Read a problem whose completions are a list of objects.

    Raises:
        UserError: one is no object, or has no text.
    """
    name, given = texts_in(place, row, LISTS)
    completions = []
    for number, entry in enumerate(given):
        where = f"{place}: {name}[{number}]"
        if not isinstance(entry, dict):
            raise UserError(f"{where} is {shown(entry)}; it must be an object with a `text`: fix or remove the row.")
        completions.append(_completion(where, ".", entry, _TEXTS, with_scores))
    return sampled_row(place, row, completions)


def read_completion(place: str, row: Fields, with_scores: bool) -> SampledRow:
    """Read a row that is one completion.

    Raises:
        UserError: it has no text.
    """
    return sampled_row(place, row, [_completion(place, ": ", row, ROW_TEXTS, with_scores)])


def _completion(where: str, joint: str, entry: Fields, names: Sequence[str], with_scores: bool) -> Completion:
    name = next((name for name in names if isinstance(entry.get(name), str)), None)
    if name is None:
        given = next((name for name in names if name in entry), None)
        found = f"{where}{joint}{given} is {shown(entry[given])}" if given else f"{where} has no field {names[0]!r}"
        raise UserError(f"{found}; a completion is a text: fix or remove the row.")
    scored = next((name for name in _SCORES if not _says_nothing(entry.get(name))), None)
    return Completion(
        str(entry[name]),
        scores_of(f"{where}{joint}{scored}", entry[scored]) if scored and with_scores else (),
        tokens_of(entry.get(first_present(entry, _TOKENS) or "")),
        finish_of(entry.get("finish_reason", entry.get("finish"))),
        next((verdict_of(entry[name]) for name in _VERDICTS if name in entry and name != scored), None),
    )


def _says_nothing(value: object) -> bool:
    """Whether a value says nothing of how good a completion is: null, blank, or a verdict; NaN is an error."""
    return value is None or isinstance(value, bool) or (is_missing(value) and isinstance(value, str))
