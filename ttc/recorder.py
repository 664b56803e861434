"""Finished problems are graded and written in a thread of their own, while the engines work on the others.

What a run keeps in memory of a problem is what its tables need, in columns; texts are on the disk. So memory stays
nearly flat for thousands of problems with hundreds of candidates each.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

from ttc.analysis.columns import CandidateColumns
from ttc.analysis.records import CandidateRecord, ProblemRecord, Selected
from ttc.analysis.report import jsonl_row
from ttc.grading import Grader
from ttc.runner import Outcome
from ttc.selection import Aggregation, Selection, choose
from ttc.types import Candidate

QUEUED_PROBLEMS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """How candidates become one answer."""

    selection: Selection
    aggregation: Aggregation
    generations_each: int = 1  # of a candidate

    def record(self, outcome: Outcome, grader: Grader) -> ProblemRecord:
        """Grade every candidate and every selection of a problem."""
        problem, candidates = outcome.problem, outcome.candidates
        verdicts = grader.grade([(candidate.answer, problem.gold) for candidate in candidates])
        correct = {candidate.answer: verdict for candidate, verdict in zip(candidates, verdicts, strict=True)}
        selected = {}
        for selection in Selection:
            if _applies(selection, candidates):
                chosen = choose(candidates, selection, self.aggregation)
                answer = chosen.answer if chosen else None
                selected[str(selection)] = Selected(answer, correct.get(answer, False))
        return ProblemRecord(
            id=problem.id,
            gold=problem.gold,
            subject=problem.subject,
            level=problem.level,
            correct=selected[str(self.selection)].correct,
            selected=selected,
            oracle=any(verdicts),
            candidates=tuple(_record(c, verdict) for c, verdict in zip(candidates, verdicts, strict=True)),
            generations=len(candidates) * self.generations_each,
            tokens=outcome.tokens,
        )


class Recorder:
    """Takes outcomes as they come; a context manager that leaves nothing behind but what `write` wrote.

    `seconds` tells how long grading took. An error of the thread is raised by the next `add`, or by `finish`.
    """

    def __init__(self, directory: Path, choice: Choice, grader: Grader) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._draft = directory / f".problems.jsonl.{os.getpid()}.draft"
        self._choice, self._grader = choice, grader
        self._queue: queue.Queue[Outcome | None] = queue.Queue(QUEUED_PROBLEMS)
        self._error: BaseException | None = None
        self._records: dict[str, ProblemRecord] = {}
        self._places: dict[str, int] = {}  # id -> offset of its row in the draft
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._file: IO[bytes] = self._draft.open("w+b")
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._error = self._error or error  # an interrupted run does not wait for what is queued
        self._stop()
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def add(self, outcome: Outcome) -> None:
        """Queue a finished problem."""
        self._raise()
        self._queue.put(outcome)

    def finish(self) -> dict[str, ProblemRecord]:
        """Wait for the last verdict; return every problem's record, its candidates without their texts."""
        self._stop()
        self._raise()
        return self._records

    def rows(self, quintile: Mapping[str, int]) -> Iterator[str]:
        """The rows of problems.jsonl, sorted by id, with what became known at the end."""
        for id_ in sorted(self._places):
            self._file.seek(self._places[id_])
            yield jsonl_row(json.loads(self._file.readline()) | {"quintile": quintile.get(id_)})

    def _work(self) -> None:
        while (outcome := self._queue.get()) is not None:
            if self._error is not None:
                continue  # keep emptying: nobody may wait for room
            try:
                self._record(outcome)
            except BaseException as error:
                self._error = error

    def _record(self, outcome: Outcome) -> None:
        before = time.perf_counter()
        record = self._choice.record(outcome, self._grader)
        self.seconds += time.perf_counter() - before
        self._places[record.id] = self._file.tell()
        self._file.write(jsonl_row(record.to_json()).encode() + b"\n")
        slim = CandidateColumns([replace(candidate, text="") for candidate in record.candidates])
        self._records[record.id] = replace(record, candidates=slim)

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def _applies(selection: Selection, candidates: Sequence[Candidate]) -> bool:
    """Do the candidates have what the selection looks at?"""
    if selection is Selection.MAJORITY:
        return True
    in_chains = all(candidate.chain is not None for candidate in candidates)
    return all(candidate.values for candidate in candidates) and (in_chains or selection is not Selection.HIERARCHICAL)


def _record(candidate: Candidate, correct: bool) -> CandidateRecord:
    trace = candidate.trace
    return CandidateRecord(
        text=trace.text,
        answer=candidate.answer,
        correct=correct,
        finish=str(trace.finish) if trace.finish else None,
        values=candidate.values,
        tokens=len(trace.token_ids),
        chain=candidate.chain,
    )
