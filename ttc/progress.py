"""What people see while a run works: problems done, ETA, tokens/s, running accuracy; elsewhere a line now and then."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ttc.grading import normalize_answer
from ttc.ledger import Tokens
from ttc.runner import Outcome
from ttc.selection import Aggregation, Selection, choose

QUIET_LOG_SECONDS = 30.0


class RunProgress:
    """A bar on a terminal; elsewhere a line every half minute, on stderr both.

    The running accuracy compares normalised answers only: a lower bound, replaced by real grading at the end.
    """

    def __init__(self, problems: int, selection: Selection, aggregation: Aggregation) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("solving"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=problems, status="")
        self._problems, self._selection, self._aggregation = problems, selection, aggregation
        self._tokens = Tokens()
        self._done = self._right = 0
        self._started = self._logged_at = self._drawn_at = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

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
        now = time.monotonic()
        if self._console.is_terminal:
            if now - self._drawn_at > 0.2:
                self._drawn_at = now
                self._bar.update(self._task, completed=self._done, status=self._status(now))
        elif now - self._logged_at > QUIET_LOG_SECONDS:
            self._logged_at = now
            self._console.print(f"solved {self._done}/{self._problems}, {self._status(now)}", highlight=False)

    def _status(self, now: float) -> str:
        speed = f"{self._tokens.decoded / (now - self._started):,.0f} tokens/s"
        return f"{speed}, accuracy so far {self._right / self._done:.1%}" if self._done else speed
