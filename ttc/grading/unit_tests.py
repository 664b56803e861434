"""`grader=unit_tests`: the answer is a Python program, the gold answer its unit tests."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from ttc.errors import UserError
from ttc.grading.base import AnswerGrader, Grading
from ttc.grading.extract import spoken
from ttc.grading.grader import TIMEOUT_SECONDS
from ttc.grading.sandbox import Isolation, Sandbox, Verdict, find_isolation

_FENCE = re.compile(r"^[ \t]*+```[ \t]*+([\w+-]*+)[^\n`]*+$", re.MULTILINE)
_PYTHON = ("", "python", "python3", "py")
MIN_MEMORY_MB, MAX_MEMORY_MB = 64, 2**20


@dataclass
class UnitTestGrader(AnswerGrader):
    """Runs a solution's last fenced block of Python, then the gold text: statements that raise where it is wrong.

    Functions named test... and classes of unittest that the gold text defines are run as well. Each program has a
    process of its own: see `ttc.grading.sandbox` for what that protects from. `grading_timeout` limits its processor
    time, `grading_workers` how many run at once. Programs share a vote if they are the same text.

    Attributes:
        memory_mb: limit of a program's address space, in MiB.
        allow_network: whether programs may run where they cannot be cut off from the network.
    """

    memory_mb: int = 1024
    allow_network: bool = False

    def check(self) -> None:
        if not MIN_MEMORY_MB <= self.memory_mb <= MAX_MEMORY_MB:
            raise UserError(
                f"grader.memory_mb={self.memory_mb}: must be from {MIN_MEMORY_MB} to {MAX_MEMORY_MB:,} MiB; "
                "use e.g. 1024."
            )
        self._isolation()

    def _isolation(self) -> Isolation:
        if not (found := find_isolation()).prefix and not self.allow_network:
            raise UserError(
                f"grader.allow_network=false: programs cannot be cut off from the network here ({found.reason}); "
                "install bubblewrap, or let them use the network with grader.allow_network=true."
            )
        return found

    def extract(self, text: str) -> str | None:
        return last_program(spoken(text))

    def gold(self, text: str) -> str:
        try:
            compile(text, "tests.py", "exec")
        except (SyntaxError, ValueError):
            raise ValueError("which is not Python") from None
        return text.strip()

    def is_correct(self, answer: str, gold: str) -> bool:
        with self.open(TIMEOUT_SECONDS, workers=1) as grading:
            return grading.grade([(answer, gold)])[0]

    def is_likely_correct(self, answer: str, gold: str) -> bool | None:
        return None

    def open(self, timeout_seconds: float, workers: int, units: bool = False) -> Grading:
        sandbox = Sandbox(timeout_seconds, self.memory_mb << 20, self._isolation())
        return _Programs(self, sandbox, workers)


class _Programs:
    """Runs programs, several at once, and remembers their verdicts."""

    def __init__(self, grader: UnitTestGrader, sandbox: Sandbox, workers: int) -> None:
        self.timed_out = 0
        self._grader, self._sandbox = grader, sandbox
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="unit-tests")
        self._verdicts: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def grade(self, pairs: Sequence[tuple[str | None, str]]) -> list[bool]:
        with self._lock:
            new = [
                (answer, gold)
                for answer, gold in dict.fromkeys(pairs)
                if answer is not None and (answer, gold) not in self._verdicts
            ]
            found = list(self._pool.map(lambda pair: self._sandbox.run(*pair), new))
            self.timed_out += sum(verdict is Verdict.TIMED_OUT for verdict in found)
            self._verdicts |= {pair: verdict is Verdict.PASSED for pair, verdict in zip(new, found, strict=True)}
            return [answer is not None and self._verdicts[answer, gold] for answer, gold in pairs]

    def classes(self, answers: Iterable[str]) -> dict[str, int]:
        return self._grader.votes(answers)


def last_program(text: str) -> str | None:
    """Return the last fenced block that is Python or does not say what it is; one that is not closed ends the text."""
    found, opening, language = None, None, ""
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening, language = fence.end() + 1, fence[1].lower()
        else:
            found = text[opening : fence.start()] if language in _PYTHON else found
            opening = None
    if opening is not None and language in _PYTHON:
        found = text[opening:]
    return found.strip("\n") or None if found else None
