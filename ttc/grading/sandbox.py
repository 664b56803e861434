"""A process for the programs that models write: without network, with limits of time and memory.

What it protects from, and what not:

- Network: with bubblewrap, or where the kernel lets a process leave the network (namespaces, by `unshare`), there is
  none, not even to this machine itself. Otherwise nothing is isolated, and the grader refuses to run.
- Files: a program works in an empty directory that is removed afterwards. Bubblewrap and Landlock (Linux 5.13) each
  let it read only the system's and Python's directories besides, and write nowhere else; without both, it can read and
  write all that the user can. Files are limited to 16 MB each.
- Processes: in namespaces a program sees and signals only its own, and all of them end with it. Without namespaces, one
  that leaves its process group can go on.
- Time and memory: each process has the limits of processor time and of address space; all end after a limit of wall
  time. Programs that start many processes can use a multiple of both.
- The kernel itself: a program that exploits an error of the kernel, or attacks through its timing, is not stopped. For
  programs that are hostile rather than wrong, use a virtual machine.
- The verdict: a program that searches this process's memory could find the token that says that all tests have passed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from ttc.grading.sandboxed import OUT_OF_TIME
from ttc.terminal import printable_line

_WALL_TIME_FACTOR = 4  # the limit of wall time, as a multiple of the limit of processor time
_STARTUP_SECONDS = 5.0  # of Python, on a busy machine
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
_UNSHARE = ("unshare", "--map-root-user", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child")
_VARIANTS = ((*_UNSHARE, "--mount-proc"), _UNSHARE)  # a container may forbid to mount /proc


class Verdict(Enum):
    """How a program ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Isolation:
    """How a process is cut off from the network.

    Attributes:
        prefix: what a command is started by; empty where there is no isolation.
        reason: why there is none, as half a sentence.
    """

    prefix: tuple[str, ...] = ()
    reason: str = ""


@cache
def find_isolation() -> Isolation:
    """Try what this machine allows, once: bubblewrap, then namespaces."""
    tried = [("bubblewrap (bwrap)", _bubblewrap()), *(("unshare", variant) for variant in _VARIANTS)]
    reasons: dict[str, str] = {}
    for name, prefix in tried:
        if (program := shutil.which(prefix[0])) is None:
            reasons[name] = "not installed"
            continue
        prefix = (program, *prefix[1:])
        reason = _refusal((*prefix, "true"))
        if reason is None:
            return Isolation(prefix)
        reasons[name] = reason
    return Isolation(reason="; ".join(f"{name}: {reason}" for name, reason in reasons.items()))


def _refusal(command: Sequence[str]) -> str | None:
    """Return why a command fails, or None where it does not."""
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return printable_line(str(error), 120)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return printable_line(lines[-1], 120) if lines else "refused"


@dataclass(frozen=True)
class Sandbox:
    """Limits of a program: seconds of processor time, bytes of address space, and its isolation."""

    seconds: float
    memory_bytes: int
    isolation: Isolation

    def run(self, program: str, tests: str) -> Verdict:
        """Run a program and its tests in a new process and an empty directory."""
        token = secrets.token_hex(16)
        given: dict[str, object] = {"program": program, "tests": tests, "token": token, "readable": _readable()}
        given |= {"seconds": self.seconds, "memory_bytes": self.memory_bytes}
        with tempfile.TemporaryDirectory(prefix="ttc-sandbox-", ignore_cleanup_errors=True) as directory:
            process = subprocess.Popen(
                self._command(directory),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=directory,
                env={"PATH": os.defpath, "HOME": directory, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,
            )
            try:
                return self._verdict(process, json.dumps(given).encode(), token.encode())
            finally:
                _end(process)

    def _command(self, directory: str) -> Sequence[str]:
        prefix = self.isolation.prefix
        if prefix and Path(prefix[0]).name == "bwrap":
            prefix = (*prefix, "--bind", directory, directory, "--chdir", directory)
        return [*prefix, sys.executable, "-I", "-B", "-c", _driver()]

    def _verdict(self, process: subprocess.Popen[bytes], given: bytes, token: bytes) -> Verdict:
        assert process.stdin is not None and process.stdout is not None
        deadline = time.monotonic() + _WALL_TIME_FACTOR * self.seconds + _STARTUP_SECONDS
        with contextlib.suppress(BrokenPipeError):  # it did not start; then there is no reply either
            process.stdin.write(given)
            process.stdin.close()
        reply = b""
        while len(reply) < len(token) and (remaining := deadline - time.monotonic()) > 0:
            if select.select([process.stdout], [], [], min(remaining, 0.2))[0]:
                piece = os.read(process.stdout.fileno(), len(token) - len(reply))
                if not piece:
                    break
                reply += piece
            elif process.poll() is not None:  # a process that it left behind may hold the pipe open
                break
        if reply == token:
            return Verdict.PASSED
        return Verdict.TIMED_OUT if reply == OUT_OF_TIME or time.monotonic() >= deadline else Verdict.FAILED


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _readable() -> list[str]:
    """Return what Python needs to read."""
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).resolve().parent.parent))
    return [*dict.fromkeys((*_SYSTEM, *prefixes))]


def _bubblewrap() -> tuple[str, ...]:
    shown = [part for path in _readable() for part in ("--ro-bind-try", path, path)]
    own = ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
    return ("bwrap", "--unshare-all", "--die-with-parent", "--new-session", *own, *shown)


@cache
def _driver() -> str:
    return (Path(__file__).parent / "sandboxed.py").read_text(encoding="utf-8")
