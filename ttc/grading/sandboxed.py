"""Runs a program and its unit tests. Run with -c in a process of its own (see ttc.grading.sandbox), not imported.

It imports nothing of ttc. Input on stdin: a JSON object. The reply on stdout is its `token` once every test has passed,
and OUT_OF_TIME if the program was stopped at its limit. The program runs in a child of this process, without stdin and
stdout, and cannot know the token but by searching its memory.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import struct
import sys
import unittest
from typing import Any

OUT_OF_TIME = b"out of time"

_MAX_FILE_BYTES = 16 << 20
_MAX_FILES = 64
_MAX_PROCESSES = 64

# Landlock (Linux 5.13): the system calls and access rights of uapi/linux/landlock.h.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_READ = 0b1101  # execute, read files, read directories
_OF_FILES = 0b1100_0000_0000_0111  # what a rule for a file, not a directory, may allow
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights by version; later ones: 16


def main() -> None:
    """Read the input, let a child run the program, and say how it ended."""
    given = json.load(sys.stdin)
    reply = os.dup(1)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    child = os.fork()
    if child == 0:
        _run(given, reply)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        os.write(reply, OUT_OF_TIME)


def _run(given: dict[str, Any], reply: int) -> None:
    """Give up rights, run the program and its tests, reply, end the process."""
    try:
        _limit(given["seconds"], given["memory_bytes"])
        _close_file_system([*given["readable"], *filter(None, sys.path)])
        token = given.pop("token").encode()
        namespace: dict[str, Any] = {"__name__": "solution"}
        exec(compile(given["program"], "solution.py", "exec"), namespace)
        exec(compile(given["tests"], "tests.py", "exec"), namespace)
        _run_tests(namespace)
        os.write(reply, token)
    finally:
        os._exit(0)  # neither threads nor handlers of the program may keep the process alive


def _run_tests(namespace: dict[str, Any]) -> None:
    """Run the test functions and test cases that the program and its tests define."""
    for name, found in list(namespace.items()):
        if name.startswith("test") and callable(found) and not isinstance(found, type):
            found()
        elif isinstance(found, type) and issubclass(found, unittest.TestCase):
            result = unittest.TestResult()
            unittest.defaultTestLoader.loadTestsFromTestCase(found).run(result)
            if not result.wasSuccessful():
                raise AssertionError(name)


def _limit(seconds: float, memory_bytes: int) -> None:
    for limit, value in (
        (resource.RLIMIT_CPU, max(1, math.ceil(seconds))),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, _MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_NPROC, _MAX_PROCESSES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        later = 1 if limit == resource.RLIMIT_CPU else 0  # a second after SIGXCPU, which can be ignored, comes SIGKILL
        resource.setrlimit(limit, (soft, soft + later if hard == resource.RLIM_INFINITY else min(soft + later, hard)))


def _close_file_system(readable: list[str]) -> None:
    """Where the kernel has Landlock: allow reading only `readable`, and writing only the working directory."""
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    every = (1 << _RIGHTS.get(version, 16)) - 1
    handled = ctypes.create_string_buffer(struct.pack("=Q", every), 8)
    rules = system.syscall(_CREATE_RULESET, handled, 8, 0)
    if rules < 0:
        return
    for path, rights in ((os.getcwd(), every), ("/dev", _READ | 0b10), *((path, _READ) for path in readable)):
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights &= every if os.path.isdir(path) else _OF_FILES & every
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, opened), 12)
        system.syscall(_ADD_RULE, rules, 1, rule, 0)
        os.close(opened)
    if system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        system.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


if __name__ == "__main__":
    main()
