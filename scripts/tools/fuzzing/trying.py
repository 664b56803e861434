"""Tries cases in killable processes, and judges their outcomes."""

from __future__ import annotations

import json
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fuzzing.cases import Case

WORKER = Path(__file__).with_name("worker.py")
MAX_LINE = 1500
Run = Callable[[Path, Sequence[str]], tuple[int | None, str, str]]
"""Runs arguments of `ttc` in a directory; returns (exit code, stderr, traceback)."""

_MAIN = "from ttc.__main__ import main; main()"


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        code: the exit code; None: the command was about to load a model.
        failure: what is wrong with the outcome; empty if nothing.
    """

    case: Case
    code: int | None
    error: str
    failure: str
    seconds: float

    @property
    def kind(self) -> str:
        """One of failed, refused, accepted, loads."""
        if self.failure:
            return "failed"
        return "loads" if self.code is None else "refused" if self.code else "accepted"


class Worker:
    """A worker process (fuzzing.worker), which is started again after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, directory: Path, arguments: Sequence[str], limit: float) -> tuple[int | None, str, str]:
        """Return (exit code, stderr, traceback); a traceback of its own if the time limit ends the process."""
        process = self._process = self._process or self._start()
        stdin, stdout = _pipes(process)
        try:
            stdin.write(json.dumps({"directory": str(directory), "arguments": list(arguments)}) + "\n")
            stdin.flush()
        except BrokenPipeError:
            return self._ended("the process had died")
        if not select.select([stdout], [], [], limit)[0]:
            return self._ended(f"no end within {limit:.0f} s")
        reply = stdout.readline()
        if not reply:
            return self._ended("the process died")
        found = json.loads(reply)
        return found["code"], found["err"], found["trace"]

    def _start(self) -> subprocess.Popen[str]:
        path = str(WORKER.parents[1])
        return subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r}); import fuzzing.worker as w; w.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ended(self, reason: str) -> tuple[int | None, str, str]:
        self.close()
        return 1, "", reason

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in _pipes(process):
                pipe.close()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


def try_in_workers(cases: Sequence[Case], scratch: Path, workers: int, limit: float) -> Iterator[Outcome]:
    """Try the cases in `workers` processes, each case in a directory of its own; yield outcomes as they are known."""
    free: queue.Queue[Worker] = queue.Queue()
    every = [Worker() for _ in range(workers)]
    for worker in every:
        free.put(worker)

    def attempt(number: int) -> Outcome:
        worker = free.get()
        try:
            return _tried(cases[number], scratch / str(number), lambda place, given: worker.run(place, given, limit))
        finally:
            free.put(worker)

    with ThreadPoolExecutor(workers) as threads:
        yield from threads.map(attempt, range(len(cases)))
    for worker in every:
        worker.close()


def try_in_process(case: Case, directory: Path, limit: float) -> Outcome:
    """Try a case as a user would: in a new process, which may load models."""

    def run(directory: Path, arguments: Sequence[str]) -> tuple[int | None, str, str]:
        command = [sys.executable, "-c", _MAIN, *arguments]
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        timer = threading.Timer(limit, process.kill)
        timer.start()
        try:
            err = process.communicate()[1]
        finally:
            timer.cancel()
        killed = f"no end within {limit:.0f} s" if process.returncode == -9 else ""
        return process.returncode, err, killed

    return _tried(case, directory, run)


def _tried(case: Case, directory: Path, run: Run) -> Outcome:
    directory.mkdir(parents=True)
    case.prepare(directory)
    before = _listing(directory)
    started_at = time.monotonic()
    code, err, trace = run(directory, case.arguments)
    seconds = time.monotonic() - started_at
    failure = _failure(case, code, err, trace) or _left_behind(before, _listing(directory), code)
    line = next((line for line in err.splitlines() if line.startswith("error: ")), err.strip()[:200])
    return Outcome(case, code, line, failure, seconds)


def _failure(case: Case, code: int | None, err: str, trace: str) -> str:
    if trace or "Traceback (most recent call last)" in err:
        return f"traceback: {(trace or err).strip().splitlines()[-1][:300]}"
    if code in (None, 0):
        return "a bad input was accepted" if case.sure else ""
    if code not in (1, 2):
        return f"exit code {code}"
    lines = [line for line in err.split("\n") if line.strip()]
    if len(lines) != 1 or not lines[0].startswith("error: "):
        return f"{len(lines)} lines on stderr: {' | '.join(lines)[:300]}"
    if not lines[0].isprintable() or len(lines[0]) > MAX_LINE:
        return f"a line that is not printable, or of {len(lines[0])} characters: {lines[0][:300]!r}"
    return ""


def _left_behind(before: dict[str, float], after: dict[str, float], code: int | None) -> str:
    """Return what a refused command should not have written: drafts, and anything outside its run directory."""
    changed = [name for name, modified in after.items() if before.get(name) != modified]
    drafts = [name for name in changed if name.endswith((".draft", ".rows"))]
    stray = [name for name in changed if code in (1, 2) and not name.startswith(("outputs", "multirun"))]
    gone = [name for name in before if name not in after]
    wal = (".sqlite", "-wal", "-shm")  # opening a store may bring its log up to date
    left = [name for name in [*drafts, *stray, *gone] if not name.endswith(wal)]
    return f"left or changed: {', '.join(sorted(set(left)))[:300]}" if left else ""


def _listing(directory: Path) -> dict[str, float]:
    return {
        str(path.relative_to(directory)): path.lstat().st_mtime_ns
        for path in directory.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
