"""The exceptions of vLLM and transformers on one line: why a checkpoint or a setting was refused."""

from __future__ import annotations

import re

LONGEST_REASON = 240  # characters
RAISED = re.compile(r"(?:^|\s)(?:\w+\.)*([A-Z]\w*(?:Error|Exception)): (\S.*)$", re.MULTILINE)
POINTERS = ("Engine core initialization failed", "See root cause", "See stack trace")  # to a child process's output
OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|can't allocate memory|unable to (?:al|m)locate|no available memory|"
    r"free memory on device|less than requested memory|available kv cache memory|MemoryError",
    re.IGNORECASE,
)


def reason_of(error: BaseException, output: str = "") -> str:
    """Return the sentence that matters.

    Args:
        error: what was raised.
        output: what was printed meanwhile: where a child process failed, its reason is there alone.
    """
    text = _message(error)
    if any(pointer in text for pointer in POINTERS):
        raised = [f"{name}: {message}" for name, message in RAISED.findall(output)]
        text = next((line for line in reversed(raised) if not any(pointer in line for pointer in POINTERS)), text)
    return shortened(text)


def shortened(text: str) -> str:
    """Return text on one line, cut where it becomes long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON].rstrip()}…"


def is_out_of_memory(reason: str) -> bool:
    """Whether a reason says that memory is short, of whichever device."""
    return OUT_OF_MEMORY.search(reason) is not None


def _message(error: BaseException) -> str:
    name = type(error).__name__
    details = getattr(error, "errors", None)  # pydantic: its text buries the reason among its own terms
    if callable(details) and (found := details()):
        place = ".".join(str(part) for part in found[0].get("loc", ()))
        message = str(found[0].get("msg", "")).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return f"{place}: {message}" if place else message
    text = str(error).strip()
    if not text:
        return name
    return text if isinstance(error, ValueError | OSError) else f"{name}: {text}"
