"""Grading process, in which sympy may hang. Run with -m, not imported.

Protocol: each line on stdin is a JSON array [answer, gold]; the reply on stdout is one byte, b"1" (equivalent) or b"0".
Before any reply, b"r" is sent when all imports are done and the process is warm.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import select
import signal
import sys

from ttc.grading.equivalence import equivalent
from ttc.grading.parsing import parse_answer
from ttc.grading.symbolic import same_formula

MEMORY_BYTES = 4 << 30  # limit of the address space: 9**9**9 raises MemoryError before it exhausts the machine


def serve_pairs(processor_limit: float, wall_limit: float = 20.0, units: bool = False) -> None:
    """Grade until stdin ends or the parent exits. A pair that reaches either limit (seconds) ends the process."""
    parent = os.getppid()
    replies = os.dup(1)
    os.dup2(2, 1)  # keeps the output of libraries out of the protocol
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # math-verify warns that its own time limit is disabled
    for warm_up in ("\\frac{1}{\\sqrt{3}}", "2(k+1)"):
        same_formula(warm_up, "\\frac{\\sqrt{3}}{3}")
    os.write(replies, b"r")
    rest = b""
    while (received := _receive_line(rest, parent)) is not None:
        line, _, rest = received.partition(b"\n")
        # The signals' default action ends a hanging worker even if the parent is gone, and even while C code holds
        # the interpreter lock, for which a Python signal handler would have to wait.
        _set_limits(processor_limit, wall_limit)
        answer, gold = json.loads(line)
        verdict = _grade(answer, gold, units)
        _set_limits(0, 0)
        os.write(replies, b"1" if verdict else b"0")


def _set_limits(processor_seconds: float, wall_seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, processor_seconds)
    signal.setitimer(signal.ITIMER_REAL, wall_seconds)


def _receive_line(received: bytes, parent: int) -> bytes | None:
    """Append input to `received` until it contains a complete line; None at the end of the input."""
    while b"\n" not in received:
        if select.select([0], [], [], 2.0)[0]:
            piece = os.read(0, 1 << 16)
            if not piece:
                return None
            received += piece
        elif os.getppid() != parent:  # another child of the parent may still hold the other end of stdin open
            return None
    return received


def _grade(answer: str, gold: str, units: bool) -> bool:
    try:
        return equivalent(parse_answer(answer), parse_answer(gold), same_formula, units=units) is True
    except Exception:  # malformed answers raise arbitrary errors in sympy
        return False


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        serve_pairs(float(sys.argv[1]), float(sys.argv[2]), units=sys.argv[3:] == ["1"])
