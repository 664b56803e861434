"""Ctrl-C, SIGTERM and SIGHUP end a command alike: drafts removed, child processes ended, one line, exit code 128 + n.

The first signal raises `Interrupted` in the main thread, so that every `finally` and `with` cleans up. A second signal,
or a clean-up that takes too long, ends the process at once: its child processes are killed and its drafts removed here.
Either is safe for the store and for results, which survive a SIGKILL too.

Nothing here imports anything but the standard library: it must work while the rest is still being imported.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 10.0  # for cleaning up after the first signal
_RETRY_SECONDS = 0.05
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "the terminal was closed"}


class Interrupted(KeyboardInterrupt):
    """A signal asked the command to end. A KeyboardInterrupt, so that libraries let it pass."""


class _State:
    """What this process knows about signals; there is one."""

    def __init__(self) -> None:
        self.pid = 0  # of the process that installed the handlers: a forked child must not clean up
        self.received: signal.Signals | None = None  # the first one
        self.deadline = 0.0  # of the clean-up, in monotonic seconds
        self.reported = False
        self.ending = False  # nothing is left to be interrupted: a further signal ends the process


_state = _State()


def run_interruptible(command: Callable[[], object]) -> None:
    """Run a command. If a signal ends it, this call ends the process, without waiting for threads or exit handlers."""
    _install()
    try:
        command()
    except KeyboardInterrupt:
        _state.received = _state.received or signal.SIGINT
    finally:
        _state.ending = True  # what remains is the interpreter's own shutdown
        if _state.received is not None:
            _end_now()


def received() -> signal.Signals | None:
    """Return the signal that asked this command to end, if any did."""
    return _state.received


def raise_if_received() -> None:
    """Raise `Interrupted` once more where a library may have swallowed it."""
    if _state.received is not None:
        raise Interrupted


def report() -> int:
    """Print, once, why the command ends; return its exit code."""
    number = _state.received or signal.SIGINT
    if not _state.reported:
        _state.reported = _state.received is not None
        line = f"{_WORDS[number]}; run the same command again to continue from what is stored\n"
        with contextlib.suppress(OSError, ValueError):  # a closed terminal
            try:
                sys.stderr.write(line)
                sys.stderr.flush()
            except RuntimeError:  # the signal arrived in the middle of another write
                os.write(2, line.encode())
    return 128 + number


def _install() -> None:
    """Install the handlers. A signal that is ignored, as under nohup, stays ignored."""
    _state.pid = os.getpid()
    # A launcher (torchrun, accelerate) ends all of its processes alike: the first one reports.
    _state.reported = "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK") != "0"
    for number in _HANDLED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _retry_where_swallowed(sys.unraisablehook)


def _retry_where_swallowed(
    display: Callable[[sys.UnraisableHookArgs], object],
) -> Callable[[sys.UnraisableHookArgs], object]:
    """Python drops what is raised in a `__del__` or a callback of C code: raise it again a moment later."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, Interrupted):
            signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)
        else:
            display(unraisable)

    return hook


def _handle(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _state.pid:  # a forked child: as if there were no handler
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    if _state.received is not None or _state.ending:
        _state.received = _state.received or signal.Signals(number)
        _end_now()
    _state.received = signal.Signals(number)
    _state.deadline = time.monotonic() + GRACE_SECONDS
    signal.signal(signal.SIGALRM, _handle_alarm)
    _interrupt()


def _handle_alarm(number: int, frame: FrameType | None) -> None:
    if _state.ending or time.monotonic() >= _state.deadline:
        _end_now()
    _interrupt()


def _interrupt() -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, max(_RETRY_SECONDS, _state.deadline - time.monotonic()))
    raise Interrupted


def _end_now() -> NoReturn:
    """End the process and whatever it started; nothing may raise here."""
    for number in (*_HANDLED, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    code = report()
    with contextlib.suppress(Exception):
        _kill_descendants()
    with contextlib.suppress(Exception):
        _remove_drafts()
    with contextlib.suppress(Exception):
        if sys.stderr.isatty():
            os.write(2, b"\x1b[?25h")  # a progress bar hides the cursor
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(code)


def _remove_drafts() -> None:
    holding = sys.modules.get("ttc.runs.holding")
    if holding is not None:
        holding.remove_own_drafts()


def _kill_descendants() -> None:
    """Kill all child processes and theirs, but for the tracker that frees what they shared."""
    tracker = getattr(sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None)
    spared = getattr(tracker, "_pid", None)
    for pid in _descendants(os.getpid()):
        if pid != spared:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *_descendants(child)]
    return found
