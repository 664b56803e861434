"""Rows become problems: those of one problem together, under ids that are unique and do not depend on their order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ttc.data.sampled.rows import SampledProblem, SampledRow
from ttc.errors import UserError
from ttc.terminal import printable_line
from ttc.types import Problem

_Key = tuple[str | None, str | None, str | None]


def grouped(rows: Sequence[SampledRow]) -> list[SampledProblem]:
    """Return the problems in the order of their first rows, each with the completions of all of its rows.

    Rows of the same id (or number in the data set, or neither) and the same question are of one problem. Where every
    row has an id of its own, and is one completion of a question that has several, the ids are those of completions.

    Args:
        rows: with gold answers.

    Raises:
        UserError: a row has neither id nor question, a problem has two gold answers, or a row is given twice.
    """
    groups: dict[_Key, list[SampledRow]] = {}
    for row in _without_completion_ids(rows):
        if row.question is None and row.id is None and row.number is None:
            raise UserError(f"{row.place} has neither question nor id; add a field `problem` or `id`.")
        members = groups.setdefault((row.id, row.number if row.id is None else None, row.question), [])
        _refuse_mismatch(members, row)
        members.append(row)
    ids = _ids([members[0] for members in groups.values()])
    return [_problem(id_, members) for id_, members in zip(ids, groups.values(), strict=True)]


def same_number(problems: Sequence[SampledProblem], samples: int | None) -> tuple[list[SampledProblem], int]:
    """Return the problems with the same number of completions each, and how many problems had too few.

    Args:
        problems: at least one.
        samples: the first so many of each are kept; None: all.

    Raises:
        UserError: none is left, or all are to be kept and their numbers differ.
    """
    fewest, most = (pick(problems, key=lambda problem: len(problem.completions)) for pick in (min, max))
    if samples is None:
        if len(fewest.completions) != len(most.completions):
            raise UserError(
                f"problem {_shown(fewest)} has {_count(fewest)} and {_shown(most)} has {_count(most)}; all need the "
                f"same number: --samples {len(fewest.completions)} keeps the first {len(fewest.completions)} of each; "
                "with more, problems that have fewer are left out."
            )
        return [*problems], 0
    kept = [replace(p, completions=p.completions[:samples]) for p in problems if len(p.completions) >= samples]
    if not kept:
        raise UserError(
            f"--samples {samples}: no problem has so many, {_shown(most)} has {_count(most)}; use at most "
            f"{len(most.completions)}."
        )
    return kept, len(problems) - len(kept)


def question_id(question: str) -> str:
    """Return the id that data sets without ids give a question, so that imported runs join runs on them."""
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def _without_completion_ids(rows: Sequence[SampledRow]) -> Sequence[SampledRow]:
    ids = Counter(row.id for row in rows)
    questions = Counter(row.question for row in rows)
    single = all(len(row.completions) == 1 for row in rows)
    of_completions = single and None not in ids and max(ids.values()) == 1 and min(questions.values()) > 1
    if not of_completions or None in questions:
        return rows
    return [replace(row, id=None, number=None) for row in rows]


def _refuse_mismatch(members: Sequence[SampledRow], row: SampledRow) -> None:
    if not members:
        return
    first = members[0]
    if row.gold != first.gold:
        raise UserError(
            f"{row.place}: the gold answer is {printable_line(repr(row.gold), 80)}, but "
            f"{printable_line(repr(first.gold), 80)} in {first.place}, which is of the same problem; fix one of them."
        )
    if len(row.completions) == 1:
        return  # two samples may be equal
    if again := next((other for other in members if other.completions == row.completions), None):
        raise UserError(f"{row.place} repeats all completions of {again.place}; give each row once.")


def _ids(firsts: Iterable[SampledRow]) -> list[str]:
    """Return an id for each problem: its own, or a digest of its question where that is shared or missing."""
    firsts = [*firsts]
    given = Counter(row.id if row.id is not None else row.number if row.question is None else None for row in firsts)
    taken = {id_ for id_, count in given.items() if id_ is not None and count == 1}
    ids = []
    for row in firsts:
        own = row.number if row.id is None and row.question is None else row.id
        if own is None or own not in taken:
            base = question_id(row.question or own or "")
            own, number = base, 1
            while own in taken:
                number += 1
                own = f"{base}-{number}"
            taken.add(own)
        ids.append(own)
    return ids


def _problem(id_: str, members: Sequence[SampledRow]) -> SampledProblem:
    first = members[0]
    return SampledProblem(
        Problem(id_, first.question or "", first.gold or "", first.level, first.subject),
        tuple(completion for row in members for completion in row.completions),
    )


def _shown(problem: SampledProblem) -> str:
    return printable_line(repr(problem.problem.id), 80)


def _count(problem: SampledProblem) -> str:
    count = len(problem.completions)
    return f"{count} completion{'' if count == 1 else 's'}"
