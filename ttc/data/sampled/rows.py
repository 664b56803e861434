"""What is read of a row that another tool wrote: a problem, and completions of it."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.types import FinishReason, Problem


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole solution as its file gives it.

    Attributes:
        text: as the model wrote it.
        scores: one of the whole solution, or one per step, on whatever scale; empty where there are none.
        tokens: of the text; None: unknown.
        finish: None: unknown.
        verdict: whether the file calls it correct; None: it does not say.
    """

    text: str
    scores: tuple[float, ...] = ()
    tokens: int | None = None
    finish: FinishReason | None = None
    verdict: bool | None = None


@dataclass(frozen=True, slots=True)
class SampledRow:
    """A row of any layout.

    Attributes:
        place: of the row, for messages.
        id: of the problem, by which other files know it, too.
        number: of the problem in its data set, which no other file need know.
        gold: as the row gives it; it may be a worked solution.
        model: that was sampled.
    """

    place: str
    completions: tuple[Completion, ...]
    question: str | None = None
    gold: str | None = None
    id: str | None = None
    number: str | None = None
    level: int | None = None
    subject: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class SampledProblem:
    """A problem with all of its completions, in the order of the files; an unknown question is empty."""

    problem: Problem
    completions: tuple[Completion, ...]
