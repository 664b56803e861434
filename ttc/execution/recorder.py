"""Finished problems are graded and written in a thread, while the engines work on the others.

In memory a run keeps only what its tables need of a problem, in columns; the texts are on disk. So memory stays nearly
flat for thousands of problems with hundreds of candidates each.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ttc.execution.row_draft import RowDraft
from ttc.execution.runner import Outcome
from ttc.files import jsonl_row
from ttc.grading import AnswerGrader, Grading, MathGrader, grade_against_any
from ttc.runs.columns import CandidateColumns
from ttc.runs.directory import PROBLEMS, TREES
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.runs.trees import tree_row
from ttc.selection import Aggregation, Classes, SelectionRule, select
from ttc.types import Candidate

QUEUED_PROBLEMS = 8


@dataclass(frozen=True, slots=True)
class RecordBuilder:
    """Turns a problem's candidates into its record.

    Attributes:
        selection: the run's own; the record holds every selection that applies.
        aggregation: how a candidate's step values become its score.
        grader: knows what of a gold answer is compared.
    """

    selection: SelectionRule
    aggregation: Aggregation
    grader: AnswerGrader = field(default_factory=MathGrader)

    def build(self, outcome: Outcome, grading: Grading) -> ProblemRecord:
        """Grade every candidate and every selection of a problem."""
        problem, candidates = outcome.problem, outcome.candidates
        golds = [self.grader.gold(gold) for gold in (problem.gold, *problem.alternatives)]
        verdicts = grade_against_any(grading, [(candidate.answer, golds) for candidate in candidates])
        correct = {candidate.answer: verdict for candidate, verdict in zip(candidates, verdicts, strict=True)}
        classes = grading.classes(candidate.answer for candidate in candidates if candidate.answer is not None)
        selected = {}
        for selection in SelectionRule:
            if _applies(selection, candidates):
                answer = select(candidates, selection, self.aggregation, classes)
                selected[str(selection)] = SelectedAnswer(answer, correct.get(answer, False))
        return ProblemRecord(
            id=problem.id,
            gold=problem.gold,
            alternatives=problem.alternatives,
            question=problem.question,
            subject=problem.subject,
            level=problem.level,
            correct=selected[str(self.selection)].correct,
            selected=selected,
            oracle=any(verdicts),
            candidates=tuple(_record(c, verdict, classes) for c, verdict in zip(candidates, verdicts, strict=True)),
            generations=sum(candidate.generations for candidate in candidates),
            tokens=outcome.tokens,
            flops=outcome.flops,
            route=next((candidate.route for candidate in candidates if candidate.route is not None), None),
        )


class Recorder:
    """Takes outcomes as they finish; a context manager that removes its draft files on exit.

    An error in the thread is raised by the next `add`, or by `finish`.

    Attributes:
        seconds: how long grading has taken.
    """

    def __init__(self, directory: Path, builder: RecordBuilder, grading: Grading) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._problems, self._trees = RowDraft(directory, PROBLEMS), RowDraft(directory, TREES)
        self._builder, self._grading = builder, grading
        self._queue: queue.Queue[Outcome | None] = queue.Queue(QUEUED_PROBLEMS)
        self._error: BaseException | None = None
        self._records: dict[str, ProblemRecord] = {}
        self._drafts = contextlib.ExitStack()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> Self:
        for draft in (self._problems, self._trees):
            self._drafts.enter_context(draft)
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._error = self._error or error  # an interrupted run does not wait for what is queued
        self._stop()
        self._drafts.close()

    def add(self, outcome: Outcome) -> None:
        """Queue a finished problem; blocks while too many are waiting to be graded."""
        self._raise()
        self._queue.put(outcome)

    def finish(self) -> dict[str, ProblemRecord]:
        """Wait for the last verdict; return every problem's record, its candidates without their texts."""
        self._stop()
        self._raise()
        return self._records

    def rows(self, quintile: Mapping[str, int]) -> Iterator[str]:
        """Yield the rows of problems.jsonl, sorted by id, with the quintiles, which are known only at the end."""
        for id_, row in self._problems.rows():
            yield jsonl_row(json.loads(row) | {"quintile": quintile.get(id_)})

    def trees(self) -> Iterator[str]:
        """Yield the rows of trees.jsonl, sorted by id; none where no problem was searched."""
        return (row for _, row in self._trees.rows())

    def _work(self) -> None:
        while (outcome := self._queue.get()) is not None:
            if self._error is not None:
                continue  # keep emptying the queue: `add` must not block
            try:
                self._record(outcome)
            except BaseException as error:
                self._error = error

    def _record(self, outcome: Outcome) -> None:
        before = time.perf_counter()
        record = self._builder.build(outcome, self._grading)
        self.seconds += time.perf_counter() - before
        self._problems.add(record.id, jsonl_row(record.to_json()))
        if outcome.tree is not None:
            self._trees.add(record.id, tree_row(record.id, outcome.tree))
        slim = CandidateColumns([replace(candidate, text="") for candidate in record.candidates])
        self._records[record.id] = replace(record, candidates=slim, question=None)

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


def _applies(selection: SelectionRule, candidates: Sequence[Candidate]) -> bool:
    """Whether the candidates have what the selection looks at."""
    if selection is SelectionRule.majority:
        return True
    in_chains = all(candidate.chain is not None for candidate in candidates)
    scored = all(candidate.values for candidate in candidates)
    return scored and (in_chains or selection is not SelectionRule.hierarchical)


def _record(candidate: Candidate, correct: bool, classes: Classes) -> CandidateRecord:
    trace = candidate.trace
    return CandidateRecord(
        text=trace.text,
        answer=candidate.answer,
        correct=correct,
        finish=str(trace.finish) if trace.finish else None,
        values=candidate.values,
        tokens=len(trace.token_ids),
        chain=candidate.chain,
        group=None if candidate.answer is None else classes[candidate.answer],
    )
