"""The datasets: the pocket's own problems, and those of a file or of a dataset on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from ttc.data.bad_rows import BadRows
from ttc.data.base import Dataset
from ttc.data.fields import answers_of, context_of, id_of, level_of, question_of, subject_of
from ttc.data.golds import STATEMENTS, AnswerReading, Gold, SeveralAnswers, read_gold, silent_solutions
from ttc.data.hub import read_hub
from ttc.data.readers import PROBLEMS, Row, Rows, read_file
from ttc.errors import UserError
from ttc.files import expanded
from ttc.grading import is_unreadable_solution
from ttc.terminal import printable_line
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

    def check(self) -> None:
        """Find out whether `start` and `shard` leave any problems."""
        self.load()

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
    revision: str | None = None  # of the hub's dataset: a commit, tag or branch; null: the newest
    context_field: str | None = None  # a text before the question, where a row has one
    aliases: dict[str, str] = field(default_factory=dict)  # field -> the field to read where a row lacks it
    answer_reading: AnswerReading = AnswerReading.auto
    several_answers: SeveralAnswers = SeveralAnswers.refuse  # what a list of answers means
    skip_bad_rows: bool = False  # leave out and count what would otherwise be refused

    def __post_init__(self) -> None:
        """Refuse an impossible limit, and settings that would read nothing."""
        super().__post_init__()
        self._note = ""
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
        if self.revision is not None and not self.revision.strip():
            raise UserError(
                f"data.revision={self.revision!r} is empty; set it to a commit, tag or branch of the dataset, or null."
            )
        if self.answer_marker is not None and self.answer_reading is not AnswerReading.auto:
            raise UserError(
                f"data.answer_reading={self.answer_reading}: the answer is what follows data.answer_marker="
                f"{self.answer_marker}; leave one of them out."
            )

    @property
    def notes(self) -> list[str]:
        return [f"warning: {self._note}"] if self._note else []

    def check(self) -> None:
        """Read a local file once, so that its errors are reported before any weights load. The hub is not queried."""
        if self.path is not None:
            self.load()
        elif self.hub is None:
            raise UserError(f"data.path is missing; set data.path=FILE ({PROBLEMS.help}).")

    def read(self) -> list[Problem]:
        bad = BadRows(skip=self.skip_bad_rows)
        rows = list(self._usable(bad))
        if not rows and bad.count:
            raise UserError(
                f"{self.path or self.hub}: none of its {bad.count:,} rows can be used; the first: {bad.first}"
            )
        if not rows:
            raise UserError(f"{self.path or self.hub} has no rows; give a file with at least one problem.")
        problems = self._with_answers(rows, bad)
        self._warn(bad)
        return problems

    def _usable(self, bad: BadRows) -> Iterator[tuple[str, Problem, Gold]]:
        """Yield (place, problem, gold) for each row that makes a problem with an id of its own."""
        seen: dict[str, str] = {}
        for place, row in self._rows(bad):
            try:
                problem, gold = self._problem(place, self._with_aliases(row))
                if problem.id in seen:
                    raise UserError(
                        f"{place} has the id {problem.id!r} of {seen[problem.id]}; ids must be unique: remove one of "
                        "the rows, or choose another data.id_field (null derives ids from the questions)."
                    )
            except UserError as error:
                bad.add(error)
                continue
            seen[problem.id] = place
            yield place, problem, gold

    def _with_answers(self, rows: list[tuple[str, Problem, Gold]], bad: BadRows) -> list[Problem]:
        """Leave out worked solutions that state no answer: as golds, they would make every answer wrong."""
        if self.answer_reading is AnswerReading.verbatim or self.answer_marker is not None:
            return [problem for _, problem, _ in rows]
        if all(is_unreadable_solution(gold.text) for _, _, gold in rows):
            raise UserError(
                f"data.answer_field={self.answer_field}: holds worked solutions without {STATEMENTS}; set "
                "data.answer_field to a field with the answers, or data.answer_marker to the text before them."
            )
        silent = silent_solutions([gold for _, _, gold in rows])
        for place, _, _ in (rows[index] for index in silent):
            bad.add(
                UserError(
                    f"{place}: field {self.answer_field!r} is a worked solution that states no answer ({STATEMENTS}); "
                    "fix or remove the row, or set data.answer_reading=verbatim if the whole text is the answer."
                )
            )
        return [problem for index, (_, problem, _) in enumerate(rows) if index not in set(silent)]

    def _warn(self, bad: BadRows) -> None:
        """Say once, however often the data are read, how many rows were skipped."""
        note = printable_line(bad.note(self.name), 1000) if bad.count else ""
        if note and note != self._note:
            print(f"warning: {note}", file=sys.stderr)
        self._note = note

    def _rows(self, bad: BadRows) -> Rows:
        if self.path is not None:
            return read_file(expanded(self.path), bad=bad)
        if self.hub is not None:
            return read_hub(self.hub, self.hub_config, self.split, self.revision)
        raise UserError(f"data.path is missing; set data.path=FILE ({PROBLEMS.help}).")

    def _with_aliases(self, row: Row) -> Row:
        named = {name: row[alias] for name, alias in self.aliases.items() if name not in row and alias in row}
        return {**row, **named} if named else row

    def _problem(self, place: str, row: Row) -> tuple[Problem, Gold]:
        """Return the problem of a row, and how its gold was read.

        Raises:
            UserError: with the place.
        """
        question = self._question(place, row)
        texts = answers_of(place, row, self.answer_field, self.several_answers)
        gold = read_gold(
            place,
            self.answer_field,
            texts,
            marker=self.answer_marker,
            reading=self.answer_reading,
            several=self.several_answers,
        )
        return self._with_gold(place, row, question, gold), gold

    def _question(self, place: str, row: Row) -> str:
        question = question_of(place, row, self.question_field)
        context = context_of(place, row, self.context_field)
        return question if context is None else f"{context}\n\n{question}"

    def _with_gold(self, place: str, row: Row, question: str, gold: Gold) -> Problem:
        return Problem(
            id=id_of(place, row, self.id_field) or hashlib.sha256(question.encode()).hexdigest()[:12],
            question=question,
            gold=gold.text,
            level=level_of(place, row, self.level_field),
            subject=subject_of(place, row, self.subject_field),
            alternatives=gold.alternatives,
        )
