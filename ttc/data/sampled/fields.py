"""The names under which tools write a problem's question, gold answer and id, and how these are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from ttc.data.fields import id_of, is_missing, level_of, shown, text_of
from ttc.data.sampled.rows import Completion, SampledRow
from ttc.errors import UserError
from ttc.terminal import printable_line

Fields = Mapping[str, object]

QUESTIONS = ("problem", "question", "prompt", "query", "input")
GOLDS = (
    *("gold", "gt", "target", "ground_truth", "gold_answer", "expected_answer", "reference_answer", "reference"),
    *("answer", "solution"),
)
IDS = ("problem_id", "question_id", "unique_id", "task_id", "id")
NUMBERS = ("idx", "index", "doc_id", "problem_idx")
SUBJECTS = ("subject", "type")
MODELS = ("generator", "model", "model_name", "model_id", "model_name_or_path")
MAX_NAME_CHARACTERS = 200


def sampled_row(place: str, row: Fields, completions: Sequence[Completion]) -> SampledRow:
    """Read all that a row says of its problem; what is not there is None.

    Raises:
        UserError: the question or the gold answer cannot be used.
    """
    return SampledRow(
        place=place,
        completions=tuple(completions),
        question=question_in(place, row),
        gold=gold_in(place, row),
        id=id_in(place, row, IDS),
        number=id_in(place, row, NUMBERS),
        level=_level(place, row),
        subject=_name(row, SUBJECTS),
        model=_name(row, MODELS),
    )


def first_present(row: Fields, names: Sequence[str]) -> str | None:
    """Return the first of the names under which a row has a value; None where it has none."""
    return next((name for name in names if not is_missing(row.get(name))), None)


def question_in(place: str, row: Fields) -> str | None:
    """Return the question; of a conversation, what the user said last."""
    name = first_present(row, QUESTIONS)
    if name is None:
        return None
    said = [*_said(row[name])]
    return text_of(place, name, said[-1] if said else row[name]).strip()


def gold_in(place: str, row: Fields) -> str | None:
    """Return the gold answer, or the worked solution that states it; a list of one answer is that answer."""
    name = first_present(row, GOLDS)
    if name is None:
        return None
    value = row[name]
    if isinstance(value, list) and len(value) != 1:
        raise UserError(
            f"{place}: field {name!r} is a list of {len(value)} answers; a problem has one: write them as one text, "
            'e.g. "1, 2", or join one answer: --gold-from DATASET_FILE.'
        )
    return text_of(place, name, value[0] if isinstance(value, list) else value).strip()


def id_in(place: str, row: Fields, names: Sequence[str]) -> str | None:
    """Return the value of the first field that holds an id.

    Raises:
        UserError: it cannot be one.
    """
    name = first_present(row, names)
    try:
        return id_of(place, row, name)
    except UserError:
        raise UserError(
            f"{place}: field {name!r} is {shown(row[name or ''])}; an id is a number or a short text of one line: fix "
            "or remove it."
        ) from None


def _said(value: object) -> Iterator[object]:
    """Yield what the user says in a conversation, as chat models are given one."""
    for message in value if isinstance(value, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            yield message.get("content")


def _level(place: str, row: Fields) -> int | None:
    with contextlib.suppress(UserError):  # tables by level can do without
        return level_of(place, row, "level")
    return None


def _name(row: Fields, names: Sequence[str]) -> str | None:
    name = first_present(row, names)
    value = None if name is None else row[name]
    return printable_line(value, MAX_NAME_CHARACTERS) if isinstance(value, str) else None
