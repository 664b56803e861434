"""The datasets: the pocket's own problems, and those of a file or of a dataset on the Hugging Face hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ttc.data.base import Dataset
from ttc.data.fields import answer_of, id_of, level_of, question_of, subject_of
from ttc.data.hub import read_hub
from ttc.data.readers import PROBLEMS, Row, Rows, read_file
from ttc.errors import UserError
from ttc.files import expanded
from ttc.grading import gold_answer, is_unreadable_solution
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
    answer is what follows the marker's last occurrence (GSM8K: "####"). Without one, the answer of a worked solution is
    what it boxes, or states after "####" or "The answer is".
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

    def __post_init__(self) -> None:
        """Refuse an impossible limit, and settings that would read nothing."""
        super().__post_init__()
        if self.answer_marker is not None and not self.answer_marker.strip():
            raise UserError(
                f"data.answer_marker={self.answer_marker!r}: must be a text such as '####', or null for none."
            )
        if self.path is not None and not self.path.strip():
            raise UserError(
                f"data.path={self.path!r} is empty; set data.path=FILE ({PROBLEMS.help}), or null for the hub."
            )
        if self.hub is not None and not self.hub.strip():
            raise UserError(f"data.hub={self.hub!r} is empty; set data.hub to a name such as openai/gsm8k, or null.")

    def check(self) -> None:
        """Read a local file once, so that its errors are reported before any weights load. The hub is not queried."""
        if self.path is not None:
            self.read()
        elif self.hub is None:
            raise UserError(f"data.path is missing; set data.path=FILE ({PROBLEMS.help}).")

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
        if all(is_unreadable_solution(problem.gold) for problem in problems):
            raise UserError(
                f"data.answer_field={self.answer_field}: holds worked solutions without a \\boxed{{}}, '####' or 'The "
                "answer is'; set data.answer_field to a field with the answers, or data.answer_marker to the text "
                "before them."
            )
        return problems

    def _rows(self) -> Rows:
        if self.path is not None:
            return read_file(expanded(self.path))
        if self.hub is not None:
            return read_hub(self.hub, self.hub_config, self.split)
        raise UserError(f"data.path is missing; set data.path=FILE ({PROBLEMS.help}).")

    def _problem(self, place: str, row: Row) -> Problem:
        question = question_of(place, row, self.question_field)
        gold = answer_of(place, row, self.answer_field)
        if self.answer_marker is not None:
            _, found, gold = gold.rpartition(self.answer_marker)
            if not found or not gold.strip():
                raise UserError(
                    f"{place}: field {self.answer_field!r} has no answer after {self.answer_marker!r}; "
                    "fix the row, or set data.answer_marker=null."
                )
        else:
            gold = gold_answer(gold)
        return Problem(
            id=id_of(place, row, self.id_field) or hashlib.sha256(question.encode()).hexdigest()[:12],
            question=question,
            gold=gold.strip(),
            level=level_of(place, row, self.level_field),
            subject=subject_of(place, row, self.subject_field),
        )
