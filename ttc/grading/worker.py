"""Grading process, in which sympy may hang. Run with -m, not imported.

Protocol: each line on stdin is a JSON array [answer, gold]; the reply on stdout is one byte, b"1" (equivalent) or b"0".
Before any reply, b"r" is sent when all imports are done and the process is warm.
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
from ttc.grading.parsing import parse_answer

MEMORY_BYTES = 4 << 30  # limit of the address space: 9**9**9 raises MemoryError before it exhausts the machine
RELATIVE_TOLERANCE = 1e-6
_IMAGINARY = re.compile(r"(?<=\d)i(?![A-Za-z])")  # math-verify parses the i of 9i as a variable, but not that of 9 i


def serve_pairs(processor_limit: float, wall_limit: float = 20.0) -> None:
    """Grade until stdin ends or the parent exits. A pair that reaches either limit (seconds) ends the process."""
    parent = os.getppid()
    replies = os.dup(1)
    os.dup2(2, 1)  # keeps the output of libraries out of the protocol
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # math-verify warns that its own time limit is disabled
    for warm_up in ("\\frac{1}{\\sqrt{3}}", "2(k+1)"):
        _same_formula(warm_up, "\\frac{\\sqrt{3}}{3}")
    os.write(replies, b"r")
    rest = b""
    while (received := _receive_line(rest, parent)) is not None:
        line, _, rest = received.partition(b"\n")
        # The signals' default action ends a hanging worker even if the parent is gone, and even while C code holds
        # the interpreter lock, for which a Python signal handler would have to wait.
        _set_limits(processor_limit, wall_limit)
        verdict = _grade(*json.loads(line))
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


def _grade(answer: str, gold: str) -> bool:
    try:
        return equivalent(parse_answer(answer), parse_answer(gold), _same_formula) is True
    except Exception:  # malformed answers raise arbitrary errors in sympy
        return False


def _same_formula(answer: str, gold: str) -> bool:
    """Compare two formulas with math-verify, with its own SIGALRM limit disabled."""
    from math_verify import verify

    golds, answers = _parse(gold), _parse(answer)
    return (
        bool(golds and answers)
        and verify(golds, answers, timeout_seconds=None, allow_set_relation_comp=True)
        and _is_close(answers[0], golds[0])
    )


def _parse(formula: str) -> Any:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    # units=False: otherwise the k of 2k is parsed as a unit. Units have already been removed.
    normalization = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
    )
    config = LatexExtractionConfig(normalization_config=normalization, boxed_match_priority=-1)
    formula = _IMAGINARY.sub(" i", formula)
    return parse(f"${formula}$", [config], fallback_mode="no_fallback", parsing_timeout=None)


def _is_close(answer: Any, gold: Any) -> bool:
    """Reject numbers that math-verify accepts only because both are tiny: it rounds to six decimal places."""
    try:
        if answer.free_symbols or gold.free_symbols:
            return True
        difference, size = abs((answer - gold).evalf(30)), abs(gold.evalf(30))
        return bool(difference <= RELATIVE_TOLERANCE * size)
    except (AttributeError, TypeError, ValueError):  # sets, relations and matrices are not numbers
        return True


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        serve_pairs(*map(float, sys.argv[1:]))
