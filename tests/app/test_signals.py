"""Signals end the real command with one line, the right exit code, and nothing left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# A command that tells when it is at work, with a draft, a child process, and a `finally` that says that it ran.
COMMAND = """
import os, subprocess, sys, time
from pathlib import Path
from ttc.app.signals import run_interruptible
from ttc.runs.holding import hold

class Swallows:
    def __del__(self):
        work()

def work():
    print("working", flush=True)
    time.sleep(60)

def command():
    with hold(Path(sys.argv[1])):
        (Path(sys.argv[1]) / f".problems.jsonl.{os.getpid()}.rows").touch()
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        print(child.pid, flush=True)
        try:
            MIDDLE
        finally:
            CLEANUP

run_interruptible(command)
"""
QUICK = 'print("cleaned", flush=True)'
SLOW = 'print("cleaning", flush=True); time.sleep(60)'


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Process:
    """The command in a process of its own, once it is at work."""

    def __init__(self, directory: Path, middle: str = "work()", cleanup: str = QUICK) -> None:
        code = COMMAND.replace("MIDDLE", middle).replace("CLEANUP", cleanup)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_default_signals,  # whoever runs the tests may ignore some, e.g. nohup
        )
        self.child = os.pidfd_open(int(self.line()))  # readable once the child has ended
        assert self.line() == "working"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Return the exit code, the rest of stdout, and stderr; the child must have ended too."""
        out, err = self.process.communicate(timeout=50)
        ended, _, _ = select.select([self.child], [], [], 50)
        os.close(self.child)
        assert ended
        return self.process.returncode, out, err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "the terminal was closed"),
    ],
)
def test_a_signal_cleans_up_and_ends_the_command_with_one_line(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    process = Process(tmp_path)
    process.send(number)
    line = f"{word}; run the same command again to continue from what is stored\n"
    assert process.end() == (code, "cleaned\n", line)
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_ends_a_slow_clean_up_at_once(tmp_path: Path) -> None:
    process = Process(tmp_path, cleanup=SLOW)
    process.send(signal.SIGINT)
    assert process.line() == "cleaning"
    process.send(signal.SIGINT)
    code, _, err = process.end()
    assert (code, err.count("\n")) == (130, 1) and err.startswith("interrupted;")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_python_drops_is_raised_again(tmp_path: Path) -> None:
    process = Process(tmp_path, middle="x = Swallows(); del x; time.sleep(60)")
    process.send(signal.SIGTERM)
    code, out, err = process.end()
    assert (code, out, err.count("\n")) == (143, "cleaned\n", 1)


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + COMMAND
    code = code.replace("MIDDLE", "os.kill(os.getpid(), 1)").replace("CLEANUP", "child.kill()")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_errors_keep_their_traceback_and_exit_code() -> None:
    code = "from ttc.app.signals import run_interruptible\nrun_interruptible(lambda: 1 / 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
