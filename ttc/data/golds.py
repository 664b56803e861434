"""The gold answer of a row: read from its field as it is, out of a worked solution, or from a list of answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ttc.errors import UserError
from ttc.grading import extract_answer, gold_answer, is_unreadable_solution

STATEMENTS = "a \\boxed{}, '####' or 'The answer is'"
_PROSE = re.compile(r"\b[A-Za-z]+ [a-z]+ [a-z]+\b")


class AnswerReading(StrEnum):
    """How the answer is read from its field."""

    auto = "auto"  # what a worked solution states; the field itself where it states nothing
    solution = "solution"  # every row must state an answer
    verbatim = "verbatim"  # the field itself, e.g. the unit tests of a program


class SeveralAnswers(StrEnum):
    """What a list of answers means.

    `all` writes them as one text, "1, 2", which `grader=math` compares in any order; words only in the given one.
    """

    refuse = "refuse"
    all = "all"  # every one is needed
    any = "any"  # one suffices


@dataclass(frozen=True, slots=True)
class Gold:
    """A row's gold answers.

    Attributes:
        text: the answer.
        alternatives: other answers that are as good.
        is_read: whether it was read out of a longer text.
    """

    text: str
    alternatives: tuple[str, ...] = ()
    is_read: bool = False


def read_gold(
    place: str,
    field: str,
    texts: Sequence[str],
    *,
    marker: str | None,
    reading: AnswerReading = AnswerReading.auto,
    several: SeveralAnswers = SeveralAnswers.refuse,
) -> Gold:
    """Read the answers of a field.

    Args:
        place: of the row, for messages.
        field: its name, for messages.
        texts: what it holds, at least one text; more than one where `several` says what they mean.
        marker: the answer follows its last occurrence; None: there is none.
        reading: how the answer is read where there is no marker.
        several: what several texts mean.

    Raises:
        UserError: a text states no answer where it must.
    """
    found = [_answer(place, field, text, marker, reading) for text in texts]
    is_read = any(answer != text.strip() for answer, text in zip(found, texts, strict=True))
    if several is SeveralAnswers.all:
        return Gold(", ".join(found), is_read=is_read)
    first, *others = dict.fromkeys(found)
    return Gold(first, tuple(others), is_read)


def _answer(place: str, field: str, text: str, marker: str | None, reading: AnswerReading) -> str:
    if marker is not None:
        _, found, after = text.rpartition(marker)
        if not found or not after.strip():
            raise UserError(
                f"{place}: field {field!r} has no answer after {marker!r}; fix the row, or set data.answer_marker=null."
            )
        return after.strip()
    if reading is AnswerReading.verbatim:
        return text.strip()
    if reading is AnswerReading.solution and extract_answer(text) is None:
        raise UserError(
            f"{place}: field {field!r} states no answer ({STATEMENTS}); fix or remove the row, or set "
            "data.answer_reading=auto to take such a field as the answer itself."
        )
    return gold_answer(text)


def silent_solutions(golds: Sequence[Gold]) -> list[int]:
    """Return the indices of golds that are worked solutions without a stated answer, which no answer would equal.

    Such is a text of several sentences; where at least half of the golds were read out of solutions, also any text
    with words in a row.
    """
    are_solutions = 2 * sum(gold.is_read for gold in golds) >= len(golds)
    return [
        index
        for index, gold in enumerate(golds)
        if not gold.is_read
        and (is_unreadable_solution(gold.text) or (are_solutions and _PROSE.search(gold.text) is not None))
    ]
