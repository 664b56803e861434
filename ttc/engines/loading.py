"""Loading with vLLM fails in many ways and prints much: here it fails on one line, and the rest goes into the log."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator

from ttc.engines.reasons import is_out_of_memory, reason_of
from ttc.errors import RunError, UserError

log = logging.getLogger(__name__)

STDOUT, STDERR = 1, 2


@contextlib.contextmanager
def one_line_failures(group: str, what: str, remedy: str) -> Iterator[None]:
    """Turn whatever vLLM raises in this block into one line.

    Args:
        group: `generator` or `prm`.
        what: what the user set, as the message begins.
        remedy: as the message ends.

    Raises:
        UserError: vLLM refuses the checkpoint or a setting.
        RunError: the memory does not suffice.
    """
    with captured_output() as output:
        try:
            yield
        except (UserError, RunError):
            raise
        except Exception as error:
            _flush()
            text = _read(output).decode(errors="replace")
            log.info("vLLM refused %s; it printed:\n%s", what, text, exc_info=True)
            failure = _failure(group, what, reason_of(error, text).rstrip("."), remedy)
            # For the parent of a worker process, which has no log of its own.
            failure.add_note(f"{text}\n{traceback.format_exc()}")
            raise failure from None


def _failure(group: str, what: str, reason: str, remedy: str) -> UserError | RunError:
    if is_out_of_memory(reason):
        return RunError(
            f"{what}: not enough memory ({reason}); lower {group}.max_model_len, {group}.max_num_seqs or "
            f"{group}.kv_cache_gib, or change {group}.gpu_memory_utilization."
        )
    return UserError(f"{what}: vLLM refuses it ({reason}); {remedy}")


@contextlib.contextmanager
def captured_output() -> Iterator[int]:
    """Send what this process and its children print to a file, whose descriptor is yielded.

    Where the block succeeds, it is printed afterwards. An engine's own process keeps writing to the file; what it says
    after the block, as when it dies, goes into the log at exit. File descriptors are redirected, since child processes
    and compiled code do not know Python's streams.
    """
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        _flush()
        for descriptor in (STDOUT, STDERR):
            with contextlib.suppress(OSError):  # closed by the shell: nothing to redirect
                stack.callback(_restore, os.dup(descriptor), descriptor)
                os.dup2(file.fileno(), descriptor)
        yield file.fileno()
        _flush()
        stack.close()
        printed = _read(file.fileno())
        with contextlib.suppress(OSError):
            os.write(STDERR, printed)
        atexit.register(_log_rest, os.dup(file.fileno()), len(printed))


def _log_rest(descriptor: int, start: int) -> None:
    if rest := _read(descriptor, start):
        log.info("the engine printed:\n%s", rest.decode(errors="replace"))


def _restore(saved: int, descriptor: int) -> None:
    _flush()
    os.dup2(saved, descriptor)
    os.close(saved)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a closed pipe, a closed stream
            stream.flush()


def _read(descriptor: int, start: int = 0) -> bytes:
    """Return the content of the file without moving its offset, which child processes share."""
    return os.pread(descriptor, os.fstat(descriptor).st_size - start, start)
