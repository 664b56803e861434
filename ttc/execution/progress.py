"""What people see while a run works: problems done, ETA, tokens/s, running accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, Self

from ttc.cost import Tokens
from ttc.execution.runner import Outcome
from ttc.grading import classes_by_structure, gold_answer
from ttc.progress_bar import ProgressBar
from ttc.selection import Aggregation, SelectionRule, select


class Progress(Protocol):
    """Hears of what a run does while it works; a context manager around the work."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def add_tokens(self, tokens: Tokens) -> None:
        """Count what a reply cost."""

    def add_outcome(self, outcome: Outcome) -> None:
        """Count a finished problem."""

    def tick(self, decoding_tokens: Callable[[], int]) -> None:
        """Show where the work is, if an update is due."""


NewProgress = Callable[[int, SelectionRule, Aggregation], Progress]
"""Starts showing the progress of so many problems, answered by a selection and an aggregation."""


class SolvingProgress:
    """Counts problems and tokens."""

    def __init__(self, title: str, problems: int, done: int = 0) -> None:
        """Begin with `done` of the problems."""
        self._bar = ProgressBar(title, problems, done, estimates=False)
        self._tokens = Tokens()
        self._problems, self._done, self._new = problems, done, 0
        self._decoded = 0  # for the problems that were finished meanwhile, stored replies included
        self._started_at = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)

    def add_tokens(self, tokens: Tokens) -> None:
        """Count what a reply cost."""
        self._tokens += tokens

    def add_outcome(self, outcome: Outcome) -> None:
        """Count a finished problem."""
        self._done += 1
        self._new += 1
        self._decoded += outcome.tokens.decoded

    def tick(self, decoding_tokens: Callable[[], int]) -> None:
        """Update the bar when it is due; only then are the tokens of the solutions in progress counted."""
        if self._bar.is_due:
            self._bar.show(self._done, self._status(decoding_tokens()))

    def _status(self, decoding_tokens: int) -> str:
        speed = (self._tokens.decoded + decoding_tokens) / (time.monotonic() - self._started_at)
        return f"{speed:,.0f} tokens/s{self._left(speed)}"

    def _left(self, speed: float) -> str:
        """Say how long the rest takes at this speed, if its problems need as many tokens as those that are done.

        A bar's own estimate counts problems; where hundreds are open at once, none may be done for half of the time.
        """
        if not self._new or not speed:
            return ""
        seconds = self._decoded / self._new * (self._problems - self._done) / speed
        return f", about {_duration(seconds)} left"


def _duration(seconds: float) -> str:
    """Format e.g. 40 s, 12 min or 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class RunProgress(SolvingProgress):
    """Counts problems, tokens and correct answers.

    The running accuracy compares answers without workers: a lower bound, replaced by real grading at the end.
    """

    def __init__(self, problems: int, selection: SelectionRule, aggregation: Aggregation) -> None:
        super().__init__("solving", problems)
        self._selection, self._aggregation = selection, aggregation
        self._correct = 0

    def add_outcome(self, outcome: Outcome) -> None:
        super().add_outcome(outcome)
        answer = select(outcome.candidates, self._selection, self._aggregation)
        gold = gold_answer(outcome.problem.gold)
        if answer is not None:
            classes = classes_by_structure([answer, gold])
            self._correct += classes[answer] == classes[gold]

    def _status(self, decoding_tokens: int) -> str:
        speed = super()._status(decoding_tokens)
        return f"{speed}, accuracy so far {self._correct / self._done:.1%}" if self._done else speed
