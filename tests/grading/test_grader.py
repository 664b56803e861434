"""Answers are extracted as stated and compared by meaning, in workers that no answer can block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ttc.grading import Grader, normalize_answer

HANGING = r"\int_0^{1}\frac{\sin(x^2)}{\ln(x)+x^3}dx"
ALSO_HANGING = r"\int_0^{1}\frac{\sin(x^2)}{\ln(x)+x^5}dx"
INTEGRAL, INTEGRAL_VALUE = r"\int_0^{2}x dx", "2"  # decided by a worker


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize(
    "answers",
    [
        (r"\frac12", "0.5", "1/2", r"\dfrac{1}{2}", "$.5$", r"\frac{2}{4}", "0.50"),
        ("1234", "1{,}234", r"1,\!234", "1234.0", r"\$1234", r"1234\text{ cm}^2", "1234 dollars"),
        (r"\text{Evelyn}", "evelyn", r"\textbf{Evelyn}", "Evelyn."),
        ("(1, 2)", r"\left(1,2\right)", "(1.0,2)", "$(1, 2)$"),
        ("2,3", "3, 2", r"\{3,2\}"),
        (r"x>5", r"5 < x", r"x \in (5, +\infty)"),
        (r"\text{(C)}", "C", "(C)", r"\text{C}"),
        (r"1 \pm \sqrt{2}", r"1-\sqrt2, 1+\sqrt2"),
    ],
)
def test_spellings_of_the_same_answer_have_the_same_key(answers: tuple[str, ...]) -> None:
    assert len({normalize_answer(answer) for answer in answers}) == 1


@pytest.mark.parametrize(
    "answers",
    [
        ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2]"),
        ("2k", "2"),
        ("x=1, y=2", "x=2, y=1"),
        ("Alice, Robert", "Robert, Alice"),
        ("1,234", "1234"),
        ("17_8", "17"),
        ("12", "1,2"),
        ("1", "-1"),
        ("40", r"40\%"),
        ("x=5", "y=5"),
    ],
)
def test_different_answers_have_different_keys(answers: tuple[str, str]) -> None:
    assert normalize_answer(answers[0]) != normalize_answer(answers[1])


def test_a_cached_key_takes_less_than_five_microseconds() -> None:
    started = time.process_time()
    for _ in range(100_000):
        normalize_answer(r"\left(\frac{3}{5}, \frac{8}{3}\right]")
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"\frac{2}{\sqrt{2}}", r"\sqrt{2}"),
        ("(x+1)^2", "x^2+2x+1"),
        ("2x - y + 3 = 0", "y = 2x+3"),
        ("4 - 3i", "-3i + 4"),
        (r"(\frac{\sqrt{4}}{2}, 5)", "(1,5)"),
        (r"\sqrt{8}, -3", r"-3, 2\sqrt{2}"),
        ("15\\%", "0.15"),
        ("0.333333", r"\frac13"),
        ("a=1, b=2", "(1,2)"),
        ("2+3=5", "5"),
        ("314", "314_5"),
    ],
)
def test_equivalent_answers_are_correct(grader: Grader, answer: str, gold: str) -> None:
    assert grader.grade([(answer, gold)]) == [True]


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (None, "5"),
        ("x=5", "y=5"),
        ("314_6", "314_5"),
        ("314_5", "314"),
        ("x^2 = 9", "9"),
        ("3x+y=0", "0"),
        ("0.33", r"\frac13"),
        (".0000673", ".0000672"),
        ("10^{-20}", r"2 \cdot 10^{-20}"),
        ("2m", "2"),
        ("1,2", "(1,2)"),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("8 \\text{ a.m.}", "8 \\text{ p.m.}"),
        (r"\frac{", "5"),
        ("", "5"),
        (r"\text{not even}", r"\text{even}"),
    ],
)
def test_answers_that_are_not_equivalent_are_wrong(grader: Grader, answer: str | None, gold: str) -> None:
    assert grader.grade([(answer, gold)]) == [False]


def test_numbers_and_words_are_graded_without_a_worker() -> None:
    with Grader() as grader:
        pairs = [("0.5", r"\frac12"), ("3", "4"), ("(1,2)", "(2,1)"), (r"\text{no}", "no")]
        assert grader.grade(pairs) == [True, False, False, True]
        assert _pids(grader) == []


def test_an_answer_that_times_out_is_wrong_and_the_others_are_graded() -> None:
    with Grader(timeout_seconds=1, workers=2) as grader:
        pairs = [
            (HANGING, "5"),
            (INTEGRAL, INTEGRAL_VALUE),
            (r"\sqrt{18}", r"3\sqrt{2}"),
            (ALSO_HANGING, "5"),
        ]
        assert grader.grade(pairs) == [False, True, True, False]
        assert grader.timed_out == 2
        started = time.monotonic()
        assert grader.grade(pairs) == [False, True, True, False]
        assert time.monotonic() - started < 0.5, "verdicts are cached"


def test_after_some_pairs_that_time_out_the_limit_is_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttc.grading.grader._PATIENCE", 1)
    monkeypatch.setattr("ttc.grading.grader._AT_ONCE", 1)
    with Grader(timeout_seconds=2, workers=1) as grader:
        [worker] = grader._workers
        assert grader.grade([(HANGING, "5")]) == [False]
        assert grader.timed_out == 1 and worker.timeout_seconds == 0.4
        assert grader.grade([(INTEGRAL, INTEGRAL_VALUE), (ALSO_HANGING, "5")]) == [True, False]
        assert grader.timed_out == 2 and worker.timeout_seconds == 0.4


@pytest.mark.parametrize(
    "answer", ["1+" * 5000, "9" * 10_000, "(" * 400 + "x" + ")" * 400, r"\sqrt" * 200, "{" * 300, "\x00", "\ud800"]
)
def test_a_pathological_answer_is_rejected_quickly(grader: Grader, answer: str) -> None:
    started = time.process_time()
    assert grader.grade([(answer, "5")]) == [False]
    assert time.process_time() - started < 2


def test_a_worker_killed_from_outside_is_replaced() -> None:
    with Grader(workers=1) as grader:
        assert grader.grade([(INTEGRAL, INTEGRAL_VALUE)]) == [True]
        [pid] = _pids(grader)
        os.kill(pid, signal.SIGKILL)
        assert grader.grade([(r"\int_0^{4}x dx", "8")]) == [True]
        assert _pids(grader) != [pid]
        assert grader.timed_out == 0


def test_no_worker_remains_after_close() -> None:
    with Grader(workers=1) as grader:
        grader.grade([(INTEGRAL, INTEGRAL_VALUE)])
        [pid] = _pids(grader)
    with pytest.raises(ProcessLookupError):  # not even a zombie remains
        os.kill(pid, 0)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_hanging_workers_do_not_outlive_their_parent(end: signal.Signals) -> None:
    script = (
        "import signal\n"
        "from ttc.grading import Grader\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs inherit an ignored SIGINT
        "grader = Grader(timeout_seconds=1, workers=1)\n"
        f"grader.grade([(r'{INTEGRAL}', '{INTEGRAL_VALUE}')])\n"
        "print(grader._workers[0].process.pid, flush=True)\n"
        f"grader.grade([(r'{HANGING}', '5')])\n"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": root},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.send_signal(end)
        assert parent.wait(timeout=20) != 0
    deadline = time.monotonic() + 30
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _is_running(pid)


def _pids(grader: Grader) -> list[int]:
    return [worker.process.pid for worker in grader._workers if worker.process]


def _is_running(pid: int) -> bool:
    """Return whether the process is running; a zombie is not. Init may be slow to reap an orphan."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
