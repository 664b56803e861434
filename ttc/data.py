"""Datasets become lists of `Problem`: the pocket's own, a file, or a data set on the Hugging Face hub."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.rows import PATH_HELP, Row, Rows, read_file, read_hub
from ttc.types import Problem


@dataclass
class PocketDataset:
    """The problems that ship with the package.

    `limit` keeps that many, in the same share of every level (see `subset`); None keeps all.
    """

    name: str = "pocket"
    split: str = "test"
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an impossible limit or split."""
        self.available = 0  # problems before the limit, once loaded
        _check_limit(self.limit)
        if self.split not in ("test", "validation"):
            raise UserError(f"data.split={self.split}: the pocket has no such split; use test or validation.")

    def load(self) -> list[Problem]:
        """Return the chosen problems, in the split's own order."""
        from ttc.pocket.problems import load_split

        problems = load_split(self.split)
        self.available = len(problems)
        return subset(problems, self.limit, self.seed)


@dataclass
class Dataset:
    """Problems of a file (`path`) or, without one, of a data set on the Hugging Face hub (`hub`).

    Every row needs a question and an answer. The fields of id, level and subject are used where a row has them; a row
    without an id is known by a hash of its question, so that ids survive reordering. With `answer_marker`, the answer
    is what follows the marker's last occurrence (GSM8K: "####"). `limit` as in `subset`.
    """

    name: str = "data"
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
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an impossible limit."""
        self.available = 0  # problems before the limit, once loaded
        _check_limit(self.limit)

    def check(self) -> None:
        """Read a local file once, so that its mistakes are told before any weights load. The hub is not asked."""
        if self.path is not None:
            self.load()
        elif self.hub is None:
            raise UserError(f"data.path is missing; set data.path=FILE ({PATH_HELP}).")

    def load(self) -> list[Problem]:
        """Return the chosen problems in the data's own order.

        Raises UserError that names the file, the line and the field of the first mistake.
        """
        seen: dict[str, str] = {}
        problems = []
        for where, row in self._rows():
            problem = self._problem(where, row)
            if problem.id in seen:
                raise UserError(
                    f"{where} has the id {problem.id!r} of {seen[problem.id]}; ids must be unique: remove one of the "
                    "rows, or choose another data.id_field (null derives ids from the questions)."
                )
            seen[problem.id] = where
            problems.append(problem)
        if not problems:
            raise UserError(f"{self.path or self.hub} has no rows; give a file with at least one problem.")
        self.available = len(problems)
        return subset(problems, self.limit, self.seed)

    def _rows(self) -> Rows:
        if self.path is not None:
            return read_file(Path(self.path).expanduser())
        if self.hub is not None:
            return read_hub(self.hub, self.hub_config, self.split)
        raise UserError(f"data.path is missing; set data.path=FILE ({PATH_HELP}).")

    def _problem(self, where: str, row: Row) -> Problem:
        question = _text(where, row, "question_field", self.question_field)
        gold = _text(where, row, "answer_field", self.answer_field)
        if self.answer_marker is not None:
            _, found, gold = gold.rpartition(self.answer_marker)
            if not found or not gold.strip():
                raise UserError(
                    f"{where}: field {self.answer_field!r} has no answer after {self.answer_marker!r}; "
                    "mend the row or set data.answer_marker=null."
                )
        id_ = _optional(row, self.id_field)
        return Problem(
            id=hashlib.sha256(question.encode()).hexdigest()[:12] if id_ is None else str(id_),
            question=question,
            gold=gold.strip(),
            level=_level(where, self.level_field, _optional(row, self.level_field)),
            subject=None if (subject := _optional(row, self.subject_field)) is None else str(subject),
        )


def subset(problems: Sequence[Problem], limit: int | None, seed: int) -> list[Problem]:
    """Return `limit` problems that stand for all of them, in their given order; None returns all.

    Every level keeps its share (to within one problem). Who is chosen depends on the problems' ids and the seed alone,
    and a smaller limit chooses among a larger one's problems: runs with limits of 20 and 50 share 20 problems.
    """
    if limit is None or limit >= len(problems):
        return list(problems)
    levels: dict[int | None, list[Problem]] = defaultdict(list)
    for problem in sorted(problems, key=lambda problem: _draw(problem, seed)):
        levels[problem.level].append(problem)
    # The k-th of a level's n problems stands at (k + 1/2)/n of the way: any prefix of this order is stratified.
    order = sorted(
        ((rank + 0.5) / len(members), _draw(problem, seed), problem.id)
        for members in levels.values()
        for rank, problem in enumerate(members)
    )
    chosen = {id_ for _, _, id_ in order[:limit]}
    return [problem for problem in problems if problem.id in chosen]


def _draw(problem: Problem, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{problem.id}".encode()).digest()


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise UserError(f"data.limit={limit}: must be at least 1 problem; use e.g. data.limit=20, or null for all.")


def _text(where: str, row: Row, key: str, field: str) -> str:
    value = row.get(field)
    if field not in row:
        close = difflib.get_close_matches(field, row, n=1)
        remedy = f"data.{key}={close[0]}" if close else f"data.{key} to one of: {', '.join(map(str, row)) or 'none'}"
        raise UserError(f"{where} has no field {field!r}; add it, or set {remedy}.")
    if value is None or not str(value).strip():
        raise UserError(f"{where}: field {field!r} is empty; every row needs one: mend or drop the row.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"{where}: field {field!r} is {value!r}; it must be a text or a number: mend or drop the row.")
    return str(value)


def _optional(row: Row, field: str | None) -> Any:
    return None if field is None else row.get(field)


def _level(where: str, field: str | None, value: Any) -> int | None:
    """Read 3, "3" and "Level 3"; the MATH data set writes "Level ?" where nobody knows."""
    if value is None or str(value).strip() in ("", "?", "Level ?"):
        return None
    match = re.fullmatch(r"\s*(?:level\s*)?(\d+)(?:\.0)?\s*", str(value), re.IGNORECASE)
    if match is None:
        raise UserError(
            f"{where}: field {field!r} is {value!r}, not a level like 3 or 'Level 3'; "
            "mend the row or set data.level_field=null."
        )
    return int(match[1])
