"""The datasets: the pocket's own problems, and those of a file or of a dataset on the Hugging Face hub."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ttc.data.base import Dataset
from ttc.data.readers import PATH_HELP, Row, Rows, read_file, read_hub
from ttc.errors import UserError
from ttc.types import Problem


@dataclass
class PocketDataset(Dataset):
    """The problems that ship with the package."""

    name: str = "pocket"
    split: str = "test"

    def __post_init__(self) -> None:
        """Refuse an impossible limit or split."""
        super().__post_init__()
        if self.split not in ("test", "validation"):
            raise UserError(f"data.split={self.split}: the pocket has no such split; use test or validation.")

    def read(self) -> list[Problem]:
        from ttc.pocket.problems import load_split

        return list(load_split(self.split))


@dataclass
class TabularDataset(Dataset):
    """The rows of a file (`path`) or, without one, of a dataset on the Hugging Face hub (`hub`).

    Every row needs a question and an answer. The fields of id, level and subject are used where a row has them; a row
    without an id is identified by a hash of its question, so that ids survive reordering. With `answer_marker`, the
    answer is what follows the marker's last occurrence (GSM8K: "####").
    """

    path: str | None = None
    hub: str | None = None
    hub_config: str | None = None
    split: str = "test"
    question_field: str = "problem"
    answer_field: str = "answer"
    answer_marker: str | None = None
    id_field: str | None = "id"
    level_field: str | None = "level"
    subject_field: str | None = "subject"

    def check(self) -> None:
        """Read a local file once, so that its errors are reported before any weights load. The hub is not queried."""
        if self.path is not None:
            self.read()
        elif self.hub is None:
            raise UserError(f"data.path is missing; set data.path=FILE ({PATH_HELP}).")

    def read(self) -> list[Problem]:
        seen: dict[str, str] = {}
        problems = []
        for place, row in self._rows():
            problem = self._problem(place, row)
            if problem.id in seen:
                raise UserError(
                    f"{place} has the id {problem.id!r} of {seen[problem.id]}; ids must be unique: remove one of the "
                    "rows, or choose another data.id_field (null derives ids from the questions)."
                )
            seen[problem.id] = place
            problems.append(problem)
        if not problems:
            raise UserError(f"{self.path or self.hub} has no rows; give a file with at least one problem.")
        return problems

    def _rows(self) -> Rows:
        if self.path is not None:
            return read_file(Path(self.path).expanduser())
        if self.hub is not None:
            return read_hub(self.hub, self.hub_config, self.split)
        raise UserError(f"data.path is missing; set data.path=FILE ({PATH_HELP}).")

    def _problem(self, place: str, row: Row) -> Problem:
        question = _text(place, row, "question_field", self.question_field)
        gold = _text(place, row, "answer_field", self.answer_field)
        if self.answer_marker is not None:
            _, found, gold = gold.rpartition(self.answer_marker)
            if not found or not gold.strip():
                raise UserError(
                    f"{place}: field {self.answer_field!r} has no answer after {self.answer_marker!r}; "
                    "fix the row, or set data.answer_marker=null."
                )
        id_ = _optional(row, self.id_field)
        return Problem(
            id=hashlib.sha256(question.encode()).hexdigest()[:12] if id_ is None else str(id_),
            question=question,
            gold=gold.strip(),
            level=_level(place, self.level_field, _optional(row, self.level_field)),
            subject=None if (subject := _optional(row, self.subject_field)) is None else str(subject),
        )


def _text(place: str, row: Row, key: str, field: str) -> str:
    value = row.get(field)
    if field not in row:
        close = difflib.get_close_matches(field, row, n=1)
        remedy = f"data.{key}={close[0]}" if close else f"data.{key} to one of: {', '.join(map(str, row)) or 'none'}"
        raise UserError(f"{place} has no field {field!r}; add it, or set {remedy}.")
    if value is None or not str(value).strip():
        raise UserError(f"{place}: field {field!r} is empty; every row needs one: fix or remove the row.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"{place}: field {field!r} is {value!r}; it must be text or a number: fix or remove the row.")
    return str(value)


def _optional(row: Row, field: str | None) -> object:
    return None if field is None else row.get(field)


def _level(place: str, field: str | None, value: object) -> int | None:
    """Read 3, "3" and "Level 3"; the MATH dataset writes "Level ?" where the level is unknown."""
    if value is None or str(value).strip() in ("", "?", "Level ?"):
        return None
    match = re.fullmatch(r"\s*(?:level\s*)?(\d+)(?:\.0)?\s*", str(value), re.IGNORECASE)
    if match is None:
        raise UserError(
            f"{place}: field {field!r} is {value!r}, not a level like 3 or 'Level 3'; "
            "fix the row, or set data.level_field=null."
        )
    return int(match[1])
