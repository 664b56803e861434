"""Parallel grading in worker processes that can be killed, so that no answer can block a run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Self

from ttc.errors import RunError
from ttc.grading.classes import Pair, Partition
from ttc.grading.equivalence import equivalent, leave_undecided
from ttc.grading.parsing import parse_answer

TIMEOUT_SECONDS = 5.0
"""Default limit per pair. It limits processor time, so that grades do not depend on how busy the machine is."""

_WALL_TIME_FACTOR = 4  # the limit of wall time, as a multiple of the limit of processor time
_GRACE_SECONDS = 1.0  # a worker stops itself at its limits; if it cannot, it is killed this much later
_STARTUP_SECONDS = 120.0  # importing sympy takes one second, or many on a busy machine

_PATIENCE = 16  # pairs that may reach the time limit before it is shortened for the rest
_SHORTER = 5  # by this factor
_AT_ONCE = 16  # pairs between two looks at the number of those that reached the limit


class Grader:
    """Grader of answers against gold answers; a context manager that stops its workers on exit.

    Most pairs are decided by structure in this process, in microseconds. Formulas are sent to `workers` processes,
    which are started on first use and then reused. A pair that takes more than `timeout_seconds` of processor time is
    wrong; after 16 such pairs, the limit of the others is a fifth of it. Verdicts are cached.

    Attributes:
        timed_out: pairs taken for different because their worker process was stopped or died.
    """

    def __init__(
        self, timeout_seconds: float = TIMEOUT_SECONDS, workers: int | None = None, units: bool = False
    ) -> None:
        self.timed_out = 0
        self._units, self._seconds = units, timeout_seconds
        self._workers = [_Worker(timeout_seconds, units) for _ in range(workers or min(2, os.cpu_count() or 1))]
        self._verdicts: dict[Pair, bool] = {}
        self._slow: set[str] = set()  # answers of pairs that timed out
        self._lock = threading.Lock()
        self._stop = weakref.finalize(self, _stop_all, self._workers)  # also runs when the interpreter exits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers. A later call of `grade` starts new ones."""
        _stop_all(self._workers)

    def grade(self, pairs: Sequence[tuple[str | None, str]]) -> list[bool]:
        """Return for each (answer, gold) pair whether they are equivalent; a missing answer (None) is wrong.

        Raises:
            RunError: a worker process failed to start.
        """
        with self._lock:
            undecided: dict[Pair, None] = {}
            for answer, gold in pairs:
                if answer is None or (answer, gold) in self._verdicts:
                    continue
                verdict = self._decide(answer, gold)
                if verdict is None:
                    undecided[answer, gold] = None
                else:
                    self._verdicts[answer, gold] = verdict
            self._ask_workers(list(undecided))
            return [answer is not None and self._verdicts[answer, gold] for answer, gold in pairs]

    def classes(self, answers: Iterable[str]) -> dict[str, int]:
        """Return for each answer of one problem the number of its class: answers that no gold answer tells apart.

        Two answers of a class are accepted for each other, with the same names and percent signs. Neither the classes
        nor their numbers depend on the order of the answers. Formulas are compared within limits; beyond these, and
        where a pair times out, answers are taken for different.

        Raises:
            RunError: a worker process failed to start.
        """
        with self._lock:
            return Partition(self._decide, self._compare_formulas, self._units).classes(answers)

    def _decide(self, answer: str, gold: str) -> bool | None:
        return equivalent(parse_answer(answer), parse_answer(gold), leave_undecided, units=self._units)

    def _compare_formulas(self, pairs: Sequence[Pair]) -> list[bool]:
        """Grade undecided pairs of answers; those that already reached the time limit are not tried again."""
        self._ask_workers([pair for pair in pairs if pair not in self._verdicts and self._slow.isdisjoint(pair)])
        return [self._verdicts.get(pair, False) for pair in pairs]

    def _ask_workers(self, pairs: Sequence[Pair]) -> None:
        for start in range(0, len(pairs), _AT_ONCE):
            self._grade_in_workers(deque(pairs[start : start + _AT_ONCE]))
            if self.timed_out >= _PATIENCE and self._workers[0].timeout_seconds == self._seconds:
                for worker in self._workers:
                    worker.limit(self._seconds / _SHORTER)

    def _grade_in_workers(self, waiting: deque[Pair]) -> None:
        """Give each worker one pair at a time until all are graded. On an exception, stop the busy workers."""
        busy: list[_Worker] = []
        try:
            for worker in self._workers[: len(waiting)]:
                busy.append(worker)
                worker.submit(waiting.popleft())
            while busy:
                remaining = min(worker.deadline for worker in busy) - time.monotonic()
                readable = wait([worker.replies.fileno() for worker in busy], max(0.0, remaining))
                for worker in list(busy):
                    verdict = worker.receive(worker.replies.fileno() in readable)
                    if verdict is None:
                        continue
                    self._verdicts[worker.pair] = verdict
                    if worker.process is None:
                        self.timed_out += 1
                        self._slow.add(worker.pair[0])
                    if waiting:
                        worker.submit(waiting.popleft())
                    else:
                        busy.remove(worker)
        except BaseException:  # a pending reply would be taken for that of the next pair
            _stop_all(busy)
            raise


class _Worker:
    """A grading process (ttc.grading.worker) and its current pair."""

    def __init__(self, timeout_seconds: float, units: bool) -> None:
        self._units = units
        self.process: subprocess.Popen[bytes] | None = None
        self.limit(timeout_seconds)
        self.pair: Pair = ("", "")
        self.deadline = self._started_at = 0.0  # monotonic seconds
        self._ready = self._retried = False

    def limit(self, timeout_seconds: float) -> None:
        """Set the time limit of every further pair. Only between two pairs: a running process is stopped."""
        self.stop()
        self.timeout_seconds = timeout_seconds
        self._wall_seconds = _WALL_TIME_FACTOR * timeout_seconds

    @property
    def replies(self) -> IO[bytes]:
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout

    def submit(self, pair: Pair) -> None:
        """Send a pair, starting a process if none is running. The time limit starts when the process is ready."""
        self.pair, self._retried = pair, False
        self._send()

    def _send(self) -> None:
        if self.process is None:
            self._start()
        assert self.process is not None and self.process.stdin is not None
        self._set_deadline(self._wall_seconds if self._ready else _STARTUP_SECONDS)
        with contextlib.suppress(BrokenPipeError):  # the process died; `receive` handles it
            self.process.stdin.write(json.dumps(self.pair).encode() + b"\n")

    def _set_deadline(self, seconds: float) -> None:
        self._started_at = time.monotonic()
        self.deadline = self._started_at + seconds + _GRACE_SECONDS

    def receive(self, readable: bool) -> bool | None:
        """Return the verdict, or None if it is pending. If the process died or exceeded its limits, it is False."""
        byte = self.replies.read(1) if readable else b""
        if byte == b"r":
            self._ready = True
            self._set_deadline(self._wall_seconds)
        elif byte:
            return byte == b"1"
        elif readable or time.monotonic() >= self.deadline:
            return self._handle_exit()
        return None

    def _handle_exit(self) -> bool | None:
        """Retry a pair once if its process died before the time limit: it may have been killed from outside."""
        ready, early = self._ready, time.monotonic() < self._started_at + self.timeout_seconds
        self.stop()
        if not ready:
            raise RunError(
                "a grading worker failed to start; see its error above, and check that math-verify is installed."
            )
        if self._retried or not early:
            return False
        self._retried = True
        self._send()
        return None

    def _start(self) -> None:
        self.stop()
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # A new program instead of a fork, because the parent may hold a GPU and threads; in a new session, because the
        # parent handles Ctrl-C.
        limits = str(self.timeout_seconds), str(self._wall_seconds)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ttc.grading.worker", *limits, "1" if self._units else "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )

    def stop(self) -> None:
        """Kill the process, if any, and wait for it, so that no zombie remains."""
        process, self.process, self._ready = self.process, None, False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _stop_all(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.stop()
