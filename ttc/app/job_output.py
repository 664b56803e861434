"""The output of a job that runs in a process of its own, in a file: the outputs of jobs at once would mix."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ttc.terminal import printable

OUTPUT = "output.txt"  # in a job's directory: its tables, warnings and errors
_STREAMS = (1, 2)  # the descriptors: child processes and compiled code do not know Python's streams


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[Callable[[str], None]]:
    """Send what this process and its children print to a file, which is emptied first.

    Yields what prints a line where this process printed before: on the terminal, or in the launcher's log.

    Raises:
        OSError: the file cannot be written.
    """
    _flush()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        saved = [os.dup(descriptor) for descriptor in _STREAMS]
        stack.callback(_restore, saved)
        for descriptor in _STREAMS:
            os.dup2(file.fileno(), descriptor)
        yield lambda line: _print_whole(saved[1], line)


@cache
def quiet_exit() -> None:
    """Drop what libraries print while this process's interpreter is taken apart, e.g. nanobind's list of leaks."""
    atexit.register(_drop_output)  # exit handlers run last to first: those of the libraries that a job loads are heard


def _drop_output() -> None:
    _flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in _STREAMS:
        os.dup2(nowhere, descriptor)


def _print_whole(descriptor: int, line: str) -> None:
    """Print a line in one piece: other processes print to the same terminal."""
    with contextlib.suppress(OSError):  # a closed terminal
        os.write(descriptor, f"{printable(line)}\n".encode())


def _restore(saved: list[int]) -> None:
    _flush()
    for before, descriptor in zip(saved, _STREAMS, strict=True):
        os.dup2(before, descriptor)
        os.close(before)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a full disk, a closed stream
            stream.flush()
