"""The fields of a row become the parts of a problem; what no run could use is refused with its place."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from ttc.data.golds import SeveralAnswers
from ttc.errors import UserError
from ttc.terminal import printable_line

MAX_ID_CHARACTERS = 500
_LEVEL = re.compile(r"\s*(?:level\s*)?(\d{1,6})(?:\.0)?\s*", re.IGNORECASE)
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # tokenizers and UTF-8 files refuse half of a surrogate pair
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def question_of(place: str, row: Mapping[str, Any], field: str) -> str:
    """Return the question, which must not be blank.

    Raises:
        UserError: there is none, or it is no text.
    """
    return text_of(place, field, _required(place, row, "question_field", field))


def answers_of(
    place: str, row: Mapping[str, Any], field: str, several: SeveralAnswers = SeveralAnswers.refuse
) -> list[str]:
    """Return the answer as text; several, if `several` says what a list of them means.

    Raises:
        UserError: there is none, there are several and should not be, or it is neither text nor a number.
    """
    value = _required(place, row, "answer_field", field)
    if not isinstance(value, list):
        return [text_of(place, field, value)]
    if not value or (len(value) > 1 and several is SeveralAnswers.refuse):
        raise UserError(
            f"{place}: field {field!r} is a list of {len(value)} answers; a problem has one: set "
            "data.several_answers=all (every one is needed) or any (one suffices), write them as one text, e.g. "
            '"1, 2", or remove the row.'
        )
    return [text_of(place, field, one) for one in value]


def texts_of(place: str, row: Mapping[str, Any], key: str, field: str) -> list[str]:
    """Return the texts of a field that holds one or a list of them; `key` is the setting that names the field.

    Raises:
        UserError: there is none, or one is neither text nor a number.
    """
    value = _required(place, row, key, field)
    return [text_of(place, field, one) for one in (value if isinstance(value, list) else [value])]


def context_of(place: str, row: Mapping[str, Any], field: str | None) -> str | None:
    """Return the text that a question refers to, or None where the row has none.

    Raises:
        UserError: it is no text.
    """
    value = _optional(row, field)
    return None if value is None or field is None else text_of(place, field, value)


def id_of(place: str, row: Mapping[str, Any], field: str | None) -> str | None:
    """Return the row's own id, or None where it has none.

    Raises:
        UserError: it is neither a short text nor a number.
    """
    value = _optional(row, field)
    if value is None:
        return None
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if text is None or len(text) > MAX_ID_CHARACTERS or _CONTROL.search(text) or _UNUSABLE.search(text):
        raise UserError(
            f"{place}: field {field!r} is {shown(value)}; an id is a number, or a text of one line and at most "
            f"{MAX_ID_CHARACTERS} characters: fix the row, or set data.id_field=null to derive ids from the questions."
        )
    return text


def level_of(place: str, row: Mapping[str, Any], field: str | None) -> int | None:
    """Read 3, "3" and "Level 3"; the MATH dataset writes "Level ?" where the level is unknown.

    Raises:
        UserError: it is something else.
    """
    value = _optional(row, field)
    if value is None or str(value).strip() in ("?", "Level ?"):
        return None
    match = _LEVEL.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise UserError(
            f"{place}: field {field!r} is {shown(value)}, not a level like 3 or 'Level 3' (0 to 999999); "
            "fix the row, or set data.level_field=null."
        )
    return int(match[1])


def subject_of(place: str, row: Mapping[str, Any], field: str | None) -> str | None:
    """Return the subject as text, or None where the row has none.

    Raises:
        UserError: the text cannot be written to a file.
    """
    value = _optional(row, field)
    if value is None:
        return None
    if _UNUSABLE.search(text := str(value)):
        raise UserError(f"{place}: field {field!r} {_DAMAGED}; fix the row, or set data.subject_field=null.")
    return text


_DAMAGED = "contains a NUL character or half of a surrogate pair (a damaged emoji, for example)"


def _required(place: str, row: Mapping[str, Any], key: str, field: str) -> object:
    if field not in row:
        close = difflib.get_close_matches(field, row, n=1)
        names = ", ".join(printable_line(name, 40) for name in row) or "none"
        remedy = f"data.{key}={printable_line(close[0])}" if close else f"data.{key} to one of: {names}"
        raise UserError(f"{place} has no field {field!r}; add it, or set {remedy}.")
    value: object = row[field]
    if is_missing(value):
        raise UserError(f"{place}: field {field!r} is empty; every row needs one: fix or remove the row.")
    return value


def text_of(place: str, field: str, value: object) -> str:
    """Return the text of a field, or its number as text.

    Raises:
        UserError: it is neither, is blank, or cannot be written to a file.
    """
    if is_missing(value) or not (is_number(value) or isinstance(value, str)):
        raise UserError(f"{place}: field {field!r} is {shown(value)}; it must be text or a number: fix or remove it.")
    if _UNUSABLE.search(text := str(value)):
        raise UserError(f"{place}: field {field!r} {_DAMAGED}; fix or remove the row.")
    return text


def _optional(row: Mapping[str, Any], field: str | None) -> object:
    value = None if field is None else row.get(field)
    return None if is_missing(value) else value


def is_number(value: object) -> bool:
    """Whether a value is a finite number; whole ones may be larger than any float."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_missing(value: object) -> bool:
    """Whether a value is none: null, blank, or the NaN that pandas writes for a missing one."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def shown(value: object) -> str:
    """Return a value as messages quote it."""
    return printable_line(repr(value), 80)
