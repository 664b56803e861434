"""The process in which sympy may hang: it reads pairs of answers and replies one byte each. Run with -m, not imported.

Protocol: a line of JSON [answer, gold] comes in on stdin; b"1" (equivalent) or b"0" goes out on stdout. The first
byte out is b"r": everything is imported and warm.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import resource
import select
import signal
import sys
from typing import Any

from ttc.grading.equivalence import equivalent
from ttc.grading.reading import form

MEMORY_BYTES = 4 << 30  # of address space: 9**9**9 meets a MemoryError before the machine does
RELATIVE_TOLERANCE = 1e-6
_IMAGINARY = re.compile(r"(?<=\d)i(?![A-Za-z])")  # math-verify takes the i of 9i for a variable, that of 9 i not


def serve(processor_limit: float, wall_limit: float = 20.0) -> None:
    """Grade until stdin ends or the parent is gone; a pair that takes either limit (seconds) ends the process."""
    parent = os.getppid()
    replies = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints stays out of the protocol
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # math-verify warns that its own time limit is off
    for warm_up in ("\\frac{1}{\\sqrt{3}}", "2(k+1)"):
        _equal(warm_up, "\\frac{\\sqrt{3}}{3}")
    os.write(replies, b"r")
    rest = b""
    while (received := _receive(rest, parent)) is not None:
        line, _, rest = received.partition(b"\n")
        # The kernel's default action ends a hanging worker even if nobody is left to do so, and even while C code
        # holds the interpreter lock, for which a Python signal handler would wait.
        _limit(processor_limit, wall_limit)
        verdict = _grade(*json.loads(line))
        _limit(0, 0)
        os.write(replies, b"1" if verdict else b"0")


def _limit(processor_seconds: float, wall_seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, processor_seconds)
    signal.setitimer(signal.ITIMER_REAL, wall_seconds)


def _receive(received: bytes, parent: int) -> bytes | None:
    """Read on until a whole line is there; None when there will be no more."""
    while b"\n" not in received:
        if select.select([0], [], [], 2.0)[0]:
            piece = os.read(0, 1 << 16)
            if not piece:
                return None
            received += piece
        elif os.getppid() != parent:  # someone the parent forked may still hold the other end of stdin open
            return None
    return received


def _grade(answer: str, gold: str) -> bool:
    try:
        return equivalent(form(answer), form(gold), _equal) is True
    except (Exception, RecursionError):  # what sympy makes of a model's worst answers is not to be foreseen
        return False


def _equal(answer: str, gold: str) -> bool:
    """Compare two single formulas with math-verify, its own SIGALRM limit switched off."""
    from math_verify import verify

    golds, answers = _parsed(gold), _parsed(answer)
    return (
        bool(golds and answers)
        and verify(golds, answers, timeout_seconds=None, allow_set_relation_comp=True)
        and _close(answers[0], golds[0])
    )


def _parsed(formula: str) -> Any:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    # units=False: it takes the k of 2k for a unit. Units were dropped before.
    rewriting = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none")
    config = LatexExtractionConfig(normalization_config=rewriting, boxed_match_priority=-1)
    formula = _IMAGINARY.sub(" i", formula)
    return parse(f"${formula}$", [config], fallback_mode="no_fallback", parsing_timeout=None)


def _close(answer: Any, gold: Any) -> bool:
    """Reject numbers that math-verify calls equal only because both are tiny: it rounds to six decimals."""
    try:
        if answer.free_symbols or gold.free_symbols:
            return True
        difference, size = abs((answer - gold).evalf(30)), abs(gold.evalf(30))
        return bool(difference <= RELATIVE_TOLERANCE * size)
    except (AttributeError, TypeError, ValueError):  # sets, relations, matrices: no numbers
        return True


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        serve(*map(float, sys.argv[1:]))
