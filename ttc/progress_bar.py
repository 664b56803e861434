"""Progress of long work, on stderr: a bar with ETA on a terminal, an occasional line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ttc.terminal import print_plain, printable_line

REDRAW_SECONDS = 0.2
LOG_SECONDS = 30.0

T = TypeVar("T")


class ProgressBar:
    """Shows how much of `total` is done, and a status text that its owner provides."""

    def __init__(
        self, title: str, total: int, completed: int = 0, *, log_seconds: float = LOG_SECONDS, estimates: bool = True
    ) -> None:
        """Begin with `completed` of `total`; with `estimates` the bar shows the remaining time by their number."""
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            *([TimeRemainingColumn()] if estimates else []),
            TextColumn("{task.fields[status]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        title = printable_line(title)
        self._task = self._bar.add_task(title, total=total, completed=completed, status="")
        self._title, self._total = title, total
        self._interval = REDRAW_SECONDS if self._console.is_terminal else log_seconds
        self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed since the last update."""
        return time.monotonic() - self._shown_at > self._interval

    def show(self, completed: int, status: str = "") -> None:
        """Update now, due or not."""
        self._shown_at = time.monotonic()
        if self._console.is_terminal:
            self._bar.update(self._task, completed=completed, status=printable_line(status))
        else:
            self.log(f"{completed}/{self._total}{', ' * bool(status)}{status}")

    def log(self, line: str) -> None:
        """Print a line that stays."""
        print_plain(self._console, f"{self._title}: {printable_line(line)}")


def track_progress(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """Yield the items and show how many of `total` have passed."""
    with ProgressBar(title, total) as bar:
        for number, item in enumerate(items, start=1):
            yield item
            if bar.is_due or number == total:
                bar.show(number)
