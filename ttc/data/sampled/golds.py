"""Gold answers joined from a file of problems, by id or by question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttc.data.readers import FileKind, read_file
from ttc.data.sampled.fields import GOLDS, sampled_row
from ttc.data.sampled.rows import SampledRow
from ttc.errors import UserError
from ttc.grading import gold_answer, is_unreadable_solution
from ttc.terminal import printable_line

_OPTION = "--gold-from"
_FILE = FileKind(_OPTION, '{"problem": ..., "answer": ...}')


@dataclass(frozen=True)
class GoldFile:
    """The problems of a data set; None: several of one id or question have different answers."""

    path: Path
    by_question: dict[str, SampledRow | None]
    by_id: dict[str, SampledRow | None]

    @classmethod
    def read(cls, path: Path) -> GoldFile:
        """Read a file of problems.

        Raises:
            UserError: it cannot be read, or a row has no answer.
        """
        by_question: dict[str, SampledRow | None] = {}
        by_id: dict[str, SampledRow | None] = {}
        for place, fields in read_file(path, _FILE):
            row = sampled_row(place, fields, [])
            if row.gold is None:
                raise UserError(f"{place} has no gold answer ({', '.join(GOLDS)}); add it, or remove the row.")
            for known, key in ((by_question, _squeezed(row.question)), (by_id, row.id)):
                if key:
                    other = known.setdefault(key, row)
                    known[key] = other if other is not None and other.gold == row.gold else None
        return cls(path, by_question, by_id)

    def joined(self, rows: Iterable[SampledRow]) -> list[SampledRow]:
        """Return the rows with the gold answers of the file, and its ids, levels and subjects where they have none.

        A row that the file does not know keeps its own answer.

        Raises:
            UserError: a row has no answer in either.
        """
        found = [self._joined(row) for row in rows]
        missing = [row for row in found if row.gold is None]
        if missing:
            first = printable_line(missing[0].question or missing[0].id or "", 60)
            raise UserError(
                f"{_OPTION} {self.path}: has no one answer for {len(missing)} of {len(found)} rows, the first is "
                f"{missing[0].place} ({first}); give the data set that they are from."
            )
        return found

    def _joined(self, row: SampledRow) -> SampledRow:
        known = self.by_question.get(_squeezed(row.question)) or self.by_id.get(row.id or "")
        if known is None:
            return row
        return replace(
            row,
            gold=known.gold,
            question=row.question or known.question,
            id=row.id or known.id,
            level=known.level if row.level is None else row.level,
            subject=row.subject or known.subject,
        )


def _squeezed(question: str | None) -> str:
    return " ".join((question or "").split())


def read_golds(rows: Sequence[SampledRow]) -> list[SampledRow]:
    """Return the rows with what their gold answers state: the answers of worked solutions.

    Raises:
        UserError: a row has no gold answer, or all are solutions that state none.
    """
    found = []
    for row in rows:
        if row.gold is None:
            raise UserError(
                f"{row.place} has no gold answer ({', '.join(GOLDS)}); add it, or join one by question or id: "
                f"{_OPTION} DATASET_FILE."
            )
        found.append(replace(row, gold=gold_answer(row.gold).strip()))
    if all(is_unreadable_solution(row.gold or "") for row in found):
        raise UserError(
            f"{rows[0].place}: its gold answer is a worked solution without a \\boxed{{}}, '####' or 'The answer is'; "
            f"add the answer, or join one: {_OPTION} DATASET_FILE."
        )
    return found
