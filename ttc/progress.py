"""What people see while a run works: problems done, ETA, tokens/s, running accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from ttc.grading import normalize_answer
from ttc.ledger import Tokens
from ttc.meter import Meter
from ttc.runner import Outcome
from ttc.selection import Aggregation, Selection, choose


class RunProgress:
    """Counts problems, tokens and right answers.

    The running accuracy compares normalised answers only: a lower bound, replaced by real grading at the end.
    """

    def __init__(self, problems: int, selection: Selection, aggregation: Aggregation) -> None:
        self._meter = Meter("solving", problems)
        self._selection, self._aggregation = selection, aggregation
        self._tokens = Tokens()
        self._done = self._right = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._meter.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._meter.__exit__(*exception)

    def add_tokens(self, tokens: Tokens) -> None:
        """Count what a reply cost."""
        self._tokens += tokens

    def add_outcome(self, outcome: Outcome) -> None:
        """Count a finished problem."""
        chosen = choose(outcome.candidates, self._selection, self._aggregation)
        answer = chosen.answer if chosen else None
        self._done += 1
        self._right += answer is not None and normalize_answer(answer) == normalize_answer(outcome.problem.gold)

    def tick(self, decoding_tokens: Callable[[], int]) -> None:
        """Show how far things are, when it is time; asks then what the unfinished solutions have come to."""
        if self._meter.is_due:
            self._meter.show(self._done, self._status(decoding_tokens()))

    def _status(self, decoding_tokens: int) -> str:
        tokens = self._tokens.decoded + decoding_tokens
        speed = f"{tokens / (time.monotonic() - self._started):,.0f} tokens/s"
        return f"{speed}, accuracy so far {self._right / self._done:.1%}" if self._done else speed
