"""Reports that never hold a run up: a thread talks to the tracker, and whatever goes wrong there is one warning."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

from ttc.terminal import printable_line
from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker

LOG_SECONDS = 5.0  # between two reports of progress
FINISH_SECONDS = 20.0  # that the end of a run waits for its tracker
MOST_WAITING = 2  # reports; while so many wait, others are dropped

log = logging.getLogger(__name__)

Job = Callable[[Session], None]


class Reporter:
    """Tracks one run; a context manager around it. With no tracker, nothing is done.

    A run that leaves the block without `finish` has failed, and is reported so.
    """

    def __init__(
        self,
        tracker: Tracker | None,
        run: TrackedRun,
        *,
        log_seconds: float = LOG_SECONDS,
        finish_seconds: float = FINISH_SECONDS,
    ) -> None:
        """Take the tracker and the run; see `LOG_SECONDS` and `FINISH_SECONDS`."""
        self._tracker, self._run = tracker, run
        self._log_seconds, self._finish_seconds = log_seconds, finish_seconds
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._reported_at = time.monotonic()
        self._step = 0
        self._ended = self._failed = False

    def __enter__(self) -> Self:
        if self._tracker is not None:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._tracker is None:
            return
        if not self._ended:
            self._jobs.put(lambda session: session.abort())
        self._jobs.put(None)
        self._thread.join(self._finish_seconds)
        if self._thread.is_alive():
            self._warn(f"it did not answer within {self._finish_seconds:g} s of the run's end")

    @property
    def is_due(self) -> bool:
        """Whether a report of progress would be sent now."""
        return (
            self._tracker is not None
            and not self._failed
            and time.monotonic() - self._reported_at >= self._log_seconds
            and self._jobs.qsize() < MOST_WAITING
        )

    def log(self, metrics: Mapping[str, float]) -> None:
        """Report progress, if it is due."""
        if not self.is_due:
            return
        step, self._step, self._reported_at = self._step, self._step + 1, time.monotonic()
        self._jobs.put(lambda session: session.log(step, metrics))

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        """Report the results of a run that has written its files."""
        self._ended = True
        self._jobs.put(lambda session: session.finish(summary, table))

    def _work(self) -> None:
        assert self._tracker is not None
        try:
            session = self._tracker.start(self._run)
            while (job := self._jobs.get()) is not None:
                job(session)
        except BaseException as error:  # a client may even call sys.exit
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            assert self._tracker is not None
            log.warning(
                "tracker=%s: %s; the run is not tracked any more, and is not affected",
                self._tracker.option,
                printable_line(reason, 300),
            )
