"""Many pairs graded side by side in worker processes that can be killed, so that no answer hangs a run."""

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
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO

from ttc.grading.equivalence import equivalent, undecided
from ttc.grading.reading import form

TIMEOUT_SECONDS = 5.0
_PATIENCE = (
    4  # the limit is processor time, lest a busy machine make answers wrong; this many limits of wall time end it
)
_GRACE_SECONDS = 1.0  # a worker ends itself at its limits; one that could not is killed this much later
_STARTUP_SECONDS = 120.0  # importing sympy takes a second, and many on a busy machine

Pair = tuple[str, str]  # answer, gold


class Grader:
    """Grades answers against gold answers; a context manager that stops its workers.

    Structure decides most pairs here, in microseconds. Formulas go to `workers` processes, started on first use and
    kept; a pair that takes more than `timeout_seconds` (of processor time) is wrong. Verdicts are remembered.
    """

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS, workers: int | None = None) -> None:
        self.timed_out = 0  # pairs graded wrong because their worker had to be ended
        self._workers = [_Worker(timeout_seconds) for _ in range(workers or min(2, os.cpu_count() or 1))]
        self._verdicts: dict[Pair, bool] = {}
        self._lock = threading.Lock()
        self._stop = weakref.finalize(self, _stop_all, self._workers)  # also when the interpreter exits

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; a later `grade` starts new ones."""
        _stop_all(self._workers)

    def grade(self, pairs: Sequence[tuple[str | None, str]]) -> list[bool]:
        """Return for each (answer, gold) whether they are equivalent; no answer (None) is wrong."""
        with self._lock:
            undecided_pairs: dict[Pair, None] = {}
            for answer, gold in pairs:
                if answer is None or (answer, gold) in self._verdicts:
                    continue
                verdict = equivalent(form(answer), form(gold), undecided)
                if verdict is None:
                    undecided_pairs[answer, gold] = None
                else:
                    self._verdicts[answer, gold] = verdict
            self._ask_workers(deque(undecided_pairs))
            return [answer is not None and self._verdicts[answer, gold] for answer, gold in pairs]

    def _ask_workers(self, waiting: deque[Pair]) -> None:
        """Keep every worker at one pair until all are answered; stop those at work when interrupted."""
        busy: list[_Worker] = []
        try:
            for worker in self._workers[: len(waiting)]:
                busy.append(worker)
                worker.ask(waiting.popleft())
            while busy:
                patience = min(worker.deadline for worker in busy) - time.monotonic()
                heard = wait([worker.replies.fileno() for worker in busy], max(0.0, patience))
                for worker in list(busy):
                    verdict = worker.listen(worker.replies.fileno() in heard)
                    if verdict is None:
                        continue
                    self._verdicts[worker.pair] = verdict
                    self.timed_out += worker.process is None
                    if waiting:
                        worker.ask(waiting.popleft())
                    else:
                        busy.remove(worker)
        except BaseException:  # a half-read reply would be taken for the next pair's
            _stop_all(busy)
            raise


class _Worker:
    """One grading process (ttc.grading.worker) and the pair it works on."""

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._wall_seconds = _PATIENCE * timeout_seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.pair: Pair = ("", "")
        self.deadline = self._asked = 0.0  # monotonic seconds
        self._ready = self._retried = False

    @property
    def replies(self) -> IO[bytes]:
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout

    def ask(self, pair: Pair) -> None:
        """Send a pair, to a new process if there is none alive; the time limit counts from when that is ready."""
        self.pair, self._retried = pair, False
        self._send()

    def _send(self) -> None:
        if self.process is None:
            self._start()
        assert self.process is not None and self.process.stdin is not None
        self._expect(self._wall_seconds if self._ready else _STARTUP_SECONDS)
        with contextlib.suppress(BrokenPipeError):  # it died: `listen` hears that
            self.process.stdin.write(json.dumps(self.pair).encode() + b"\n")

    def _expect(self, seconds: float) -> None:
        self._asked = time.monotonic()
        self.deadline = self._asked + seconds + _GRACE_SECONDS

    def listen(self, heard: bool) -> bool | None:
        """Return the verdict, or None while there is none; a process that ended or overran means wrong."""
        byte = self.replies.read(1) if heard else b""
        if byte == b"r":
            self._ready = True
            self._expect(self._wall_seconds)
        elif byte:
            return byte == b"1"
        elif heard or time.monotonic() >= self.deadline:
            return self._ended()
        return None

    def _ended(self) -> bool | None:
        """Give a pair whose process died before its time a second chance: someone else may have killed it."""
        ready, early = self._ready, time.monotonic() < self._asked + self.timeout_seconds
        self.stop()
        if not ready:
            raise RuntimeError("a grading worker could not start: see its error above; is math-verify installed?")
        if self._retried or not early:
            return False
        self._retried = True
        self._send()
        return None

    def _start(self) -> None:
        self.stop()
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        # A new program, no fork: the parent may hold a GPU and threads. A session of its own: Ctrl-C is the parent's.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ttc.grading.worker", str(self.timeout_seconds), str(self._wall_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )

    def stop(self) -> None:
        """Kill the process, if any, and wait for it: no zombie is left."""
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
