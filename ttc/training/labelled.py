"""Labelled traces: what verifiers learn from, as lines of `train.jsonl` and `validation.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from ttc.data.step_labels import StepLabels
from ttc.types import Candidate, FinishReason, Problem, Step, Trace


class LabelledRow(TypedDict):
    """A line of `train.jsonl` and `validation.jsonl`: one labelled trace."""

    id: str  # of the problem
    question: str
    steps: Sequence[str]
    labels: Sequence[float | None]
    attempts: NotRequired[Sequence[str]]


@dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A solution's step texts with a label in [0, 1] for each, and the attempts shown before it."""

    problem_id: str
    question: str
    steps: tuple[str, ...]
    labels: tuple[float | None, ...]  # None: not known
    attempts: tuple[str, ...] = ()

    @classmethod
    def from_candidate(cls, candidate: Candidate) -> LabelledTrace:
        """Take the candidate's values as labels."""
        trace, problem = candidate.trace, candidate.trace.problem
        attempts = tuple(attempt.text for attempt in trace.attempts)
        return cls(problem.id, problem.question, tuple(s.text for s in trace.steps), candidate.values, attempts)

    @classmethod
    def from_step_labels(cls, rated: StepLabels) -> LabelledTrace:
        """Take the ratings of steps as labels; the problem's id is its question, which solutions may share."""
        labels = tuple(None if label is None else float(label) for label in rated.labels)
        return cls(rated.question, rated.question, rated.steps, labels)

    def to_row(self) -> LabelledRow:
        """Return the trace as plain JSON values."""
        row = LabelledRow(id=self.problem_id, question=self.question, steps=self.steps, labels=self.labels)
        if self.attempts:
            row["attempts"] = self.attempts
        return row

    @classmethod
    def from_row(cls, row: LabelledRow) -> LabelledTrace:
        """Read what `to_row` returned."""
        attempts = tuple(row.get("attempts", ()))
        return cls(row["id"], row["question"], tuple(row["steps"]), tuple(row["labels"]), attempts)

    @property
    def correct(self) -> bool:
        """Whether the solution's outcome, the label of its last step, is correct."""
        return (self.labels[-1] or 0.0) > 0.5

    @property
    def text(self) -> str:
        return "".join(self.steps)

    def to_trace(self) -> Trace:
        """Return the trace without labels, as an engine is asked to score it."""
        problem = Problem(self.problem_id, self.question, "")
        shown = tuple(Trace(problem, (Step(text, ()),), FinishReason.STOP) for text in self.attempts)
        return Trace(problem, tuple(Step(text, ()) for text in self.steps), FinishReason.STOP, shown)
