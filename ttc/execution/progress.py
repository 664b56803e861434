"""What people see while a run works: problems done, ETA, tokens/s, running accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol, Self

from ttc.cost import Tokens
from ttc.execution.runner import Outcome
from ttc.grading import AnswerGrader, MathGrader
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

    def metrics(self, decoding_tokens: int) -> Mapping[str, float]:
        """Return where the work is as numbers: problems, tokens_per_second, and accuracy where it is known."""


NewProgress = Callable[[int, SelectionRule, Aggregation, AnswerGrader], Progress]
"""Starts showing the progress of so many problems, answered by a selection and an aggregation, and graded."""


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

    def metrics(self, decoding_tokens: int) -> Mapping[str, float]:
        """Return the problems that are done, and the speed."""
        return {"problems": self._done, "tokens_per_second": self._speed(decoding_tokens)}

    def _speed(self, decoding_tokens: int) -> float:
        return (self._tokens.decoded + decoding_tokens) / (time.monotonic() - self._started_at)

    def _status(self, decoding_tokens: int) -> str:
        speed = self._speed(decoding_tokens)
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

    The running accuracy compares answers without workers: a lower bound, replaced by real grading at the end. It is not
    shown where a verdict takes longer, as that of a program does.
    """

    def __init__(
        self, problems: int, selection: SelectionRule, aggregation: Aggregation, grader: AnswerGrader | None = None
    ) -> None:
        super().__init__("solving", problems)
        self._selection, self._aggregation = selection, aggregation
        self._grader = grader or MathGrader()
        self._correct: int | None = 0

    def add_outcome(self, outcome: Outcome) -> None:
        super().add_outcome(outcome)
        votes = self._grader.votes(c.answer for c in outcome.candidates if c.answer is not None)
        answer = select(outcome.candidates, self._selection, self._aggregation, votes)
        if answer is None or self._correct is None:
            return
        golds = [self._grader.gold(gold) for gold in (outcome.problem.gold, *outcome.problem.alternatives)]
        verdicts = [self._grader.is_likely_correct(answer, gold) for gold in golds]
        self._correct = None if None in verdicts else self._correct + any(verdicts)

    def metrics(self, decoding_tokens: int) -> Mapping[str, float]:
        """Return the accuracy so far, too, once there is one."""
        accuracy = self._accuracy()
        return {**super().metrics(decoding_tokens), **({} if accuracy is None else {"accuracy": accuracy})}

    def _accuracy(self) -> float | None:
        return self._correct / self._done if self._done and self._correct is not None else None

    def _status(self, decoding_tokens: int) -> str:
        speed, accuracy = super()._status(decoding_tokens), self._accuracy()
        return speed if accuracy is None else f"{speed}, accuracy so far {accuracy:.1%}"
