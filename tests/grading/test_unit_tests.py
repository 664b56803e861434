"""grader=unit_tests runs programs in a sandbox: right ones pass, and none reaches beyond it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

import ttc.grading.unit_tests
from ttc.errors import UserError
from ttc.grading.sandbox import Isolation, Sandbox, Verdict, find_isolation
from ttc.grading.unit_tests import UnitTestGrader, last_program
from ttc.types import Problem

TESTS = "assert add(1, 2) == 3"
RIGHT = "def add(a, b):\n    return a + b"
isolated = pytest.mark.skipif(not find_isolation().prefix, reason=f"no isolation here: {find_isolation().reason}")


def verdict(program: str, tests: str = TESTS, seconds: float = 1.0) -> Verdict:
    return Sandbox(seconds, 512 << 20, find_isolation()).run(program, tests)


def running(argument: str) -> list[bytes]:
    """Return the command lines on this machine that contain an argument."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            found.append(file.read_bytes())
    return [command for command in found if argument.encode() in command]


def test_a_right_program_passes_and_a_wrong_one_fails() -> None:
    assert verdict(RIGHT) is Verdict.PASSED
    assert verdict(RIGHT.replace("+", "-")) is Verdict.FAILED


def test_test_functions_and_test_cases_are_run() -> None:
    function = "def test_add():\n    assert add(0, 0) == {}"
    case = (
        "import unittest\nclass Add(unittest.TestCase):\n    def test(self):\n        self.assertEqual(add(2, 2), {})"
    )
    for tests, right in ((function, 0), (case, 4)):
        assert verdict(RIGHT, tests.format(right)) is Verdict.PASSED
        assert verdict(RIGHT, tests.format(9)) is Verdict.FAILED


@pytest.mark.parametrize(
    "program",
    [
        *("import sys\nsys.exit(0)", "import os\nos._exit(0)", "def add(", "raise SystemExit", "print('OK')"),
        "import os\ndef add(a, b):\n    os._exit(0)",
        "def add(a, b):\n    raise SystemExit(0)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    ],
)
def test_a_program_that_ends_before_its_tests_fails(program: str) -> None:
    assert verdict(program) is Verdict.FAILED


def test_a_program_has_neither_input_nor_output() -> None:
    assert verdict(f"import sys\nassert sys.stdin.read() == ''\nprint('x' * 10**6)\n{RIGHT}") is Verdict.PASSED


def test_processor_time_is_limited() -> None:
    assert verdict("while True:\n    pass") is Verdict.TIMED_OUT


def test_wall_time_is_limited() -> None:
    started_at = time.monotonic()
    assert verdict("import time\ntime.sleep(600)", seconds=0.1) is Verdict.TIMED_OUT
    assert time.monotonic() - started_at < 60


def test_memory_is_limited() -> None:
    assert verdict(f"data = bytearray(600 << 20)\n{RIGHT}") is Verdict.FAILED


def test_the_size_of_files_is_limited() -> None:
    large = (
        "try:\n    open('x', 'wb').write(bytes(17 << 20))\nexcept OSError:\n    def add(a, b):\n        return a + b"
    )
    assert verdict(f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{large}") is Verdict.PASSED


@isolated
def test_a_program_reaches_no_server_of_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        connect = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=5)\n{RIGHT}"
        assert verdict(connect) is Verdict.FAILED
        with pytest.raises(TimeoutError):
            server.accept()


@isolated
def test_a_program_sends_no_datagram() -> None:
    send = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"
    assert verdict(f"{send}\n{RIGHT}") is Verdict.FAILED


@isolated
def test_a_process_that_a_program_leaves_behind_ends_with_it() -> None:
    seconds = f"600.{os.getpid()}"
    leave = f"""
import os, time
os.posix_spawn("/bin/sleep", ["sleep", "{seconds}"], {{}}, setsid=True)
time.sleep(0.2)
"""
    assert verdict(leave + RIGHT) is Verdict.PASSED
    deadline = time.monotonic() + 20  # the kernel ends the processes of a namespace soon after its first one
    while (left := running(seconds)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_a_program_works_in_a_directory_of_its_own_that_is_removed() -> None:
    program = f"import os\nassert os.listdir() == []\nopen('own', 'w').write('x')\nassert os.listdir()\n{RIGHT}"
    assert verdict(program) is Verdict.PASSED
    assert verdict(program) is Verdict.PASSED


def test_a_program_does_not_see_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    assert verdict(f"import os\nassert 'SECRET_TOKEN' not in os.environ\n{RIGHT}") is Verdict.PASSED


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("First\n```python\na = 1\n```\nthen\n```py\nb = 2\n```\ndone", "b = 2"),
        ("```\na = 1\n```", "a = 1"),
        ("```python\na = 1\n```\nRun it:\n```bash\npython a.py\n```", "a = 1"),
        ("```python\na = 1", "a = 1"),
        ("    ```python\na = 1\n    ```", "a = 1"),
        *(("no code", None), ("```python\n```", None), ("", None), ("```bash\nls\n```", None)),
    ],
)
def test_the_last_block_of_python_is_the_program(text: str, program: str | None) -> None:
    assert last_program(text) == program
    assert UnitTestGrader().extract(f"<think>```python\nno\n```</think>{text}") == program


@isolated
def test_programs_are_graded_once_each_and_counted_by_their_text() -> None:
    with UnitTestGrader().open(1.0, workers=2) as grading:
        assert grading.grade([(RIGHT, TESTS), ("x", TESTS), (None, TESTS), (RIGHT, TESTS)]) == [
            True,
            False,
            False,
            True,
        ]
        classes = grading.classes([RIGHT, "x", RIGHT])
        assert grading.timed_out == 0
    assert len({*classes.values()}) == 2


def test_without_isolation_programs_run_only_if_the_user_allows_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ttc.grading.unit_tests, "find_isolation", lambda: Isolation(reason="unshare: not permitted"))
    with pytest.raises(UserError, match=r"unshare: not permitted\); install bubblewrap, .* grader\.allow_network=true"):
        UnitTestGrader().check()
    grader = UnitTestGrader(allow_network=True)
    grader.check()
    with grader.open(1.0, workers=1) as grading:
        assert grading.grade([(RIGHT, TESTS)]) == [True]


@pytest.mark.parametrize("memory_mb", [0, 63, 2**21])
def test_an_impossible_limit_of_memory_is_refused(memory_mb: int) -> None:
    with pytest.raises(UserError, match=rf"grader\.memory_mb={memory_mb}: must be from 64"):
        UnitTestGrader(memory_mb).check()


def test_golds_that_are_not_python_are_refused_before_a_run() -> None:
    with pytest.raises(
        UserError, match=r"UnitTestGrader: the gold answer of problem 'p' is '4 \+', which is not Python"
    ):
        UnitTestGrader().check_problems([Problem("p", "?", "4 +")])
