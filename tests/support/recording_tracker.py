"""A tracker that remembers what it hears, and can fail or hang at any call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker


@dataclass
class RecordingTracker(Tracker):
    """Knows the calls that were made, in order, with what they carried.

    Attributes:
        fails: the call that raises.
        hangs: the call that waits until `release`.
    """

    fails: str | None = None
    hangs: str | None = None

    package: ClassVar[str] = "json"  # which is installed
    client: ClassVar[str] = "json"
    option: ClassVar[str] = "recording"

    def __post_init__(self) -> None:
        self.calls: list[str] = []
        self.runs: list[TrackedRun] = []
        self.logged: list[tuple[int, Mapping[str, float]]] = []
        self.finished: list[tuple[Mapping[str, object], TrackedTable]] = []
        self.release = threading.Event()

    def start(self, run: TrackedRun) -> Session:
        self.hear("start")
        self.runs.append(run)
        return _Session(self)

    def hear(self, call: str) -> None:
        if call == self.hangs:
            self.release.wait(60)
        self.calls.append(call)
        if call == self.fails:
            raise ConnectionError("the server\nis \x1b[31mgone")


class _Session:
    def __init__(self, tracker: RecordingTracker) -> None:
        self._tracker = tracker

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._tracker.hear("log")
        self._tracker.logged.append((step, metrics))

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        self._tracker.hear("finish")
        self._tracker.finished.append((summary, table))

    def abort(self) -> None:
        self._tracker.hear("abort")
