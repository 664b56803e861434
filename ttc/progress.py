"""What people see while a run works: problems done, ETA, tokens/s, running accuracy."""

from __future__ import annotations

import time
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
        """Count what a reply cost, and redraw now and then."""
        self._tokens += tokens
        self._redraw()

    def add_outcome(self, outcome: Outcome) -> None:
        """Count a finished problem."""
        chosen = choose(outcome.candidates, self._selection, self._aggregation)
        answer = chosen.answer if chosen else None
        self._done += 1
        self._right += answer is not None and normalize_answer(answer) == normalize_answer(outcome.problem.gold)
        self._redraw()

    def _redraw(self) -> None:
        if self._meter.is_due:
            self._meter.show(self._done, self._status())

    def _status(self) -> str:
        speed = f"{self._tokens.decoded / (time.monotonic() - self._started):,.0f} tokens/s"
        return f"{speed}, accuracy so far {self._right / self._done:.1%}" if self._done else speed
