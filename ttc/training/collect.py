"""Collecting training data with the engines: a JSON line at a time, resumable, watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ttc.engines.base import EngineConfig, start_engine
from ttc.execution.runner import Outcome, Runner, start_flows
from ttc.grading import Grader, extract_answer
from ttc.progress_bar import track_progress
from ttc.types import Flow, Problem, Trace

Row = Mapping[str, Any]
IsCorrect = Callable[[Trace], bool | None]
"""Right, wrong, or (None) without an answer."""

IN_FLIGHT = 2048  # requests: enough to keep an engine full, few enough that a killed collection loses little


def collect(
    file: Path,
    problems: Iterable[Problem],
    generator: EngineConfig,
    solve: Callable[[Problem, IsCorrect], Flow],
    rows_of: Callable[[Outcome, IsCorrect], Iterable[Row]],
    *,
    title: str,
    seed: int,
) -> None:
    """Append the rows of every problem to `file`, which need an `id`, skipping problems that it holds.

    `file.done` marks it whole. A run killed on the way goes on where it stopped.
    """
    done = file.with_suffix(".done")
    if done.exists():
        return
    seen = {row["id"] for row in read_rows(file)} if file.exists() else set()
    left = [problem for problem in problems if problem.id not in seen]
    runner = Runner(start_engine(generator), seed=seed, max_in_flight=IN_FLIGHT)
    with Grader() as grader, file.open("a") as lines:
        flows = start_flows(left, lambda problem: solve(problem, judge(problem, grader)))
        for number, outcome in enumerate(track_progress(runner.run(flows), title, len(left))):
            rows = rows_of(outcome, judge(outcome.problem, grader))
            lines.writelines(json.dumps(row) + "\n" for row in rows)
            if number % 100 == 0:
                lines.flush()
    done.touch()


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Read what `collect` wrote; a last line that a killed run left half-written is passed over."""
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def judge(problem: Problem, grader: Grader) -> IsCorrect:
    """Grade the problem's traces."""

    def is_correct(trace: Trace) -> bool | None:
        answer = extract_answer(trace.text) if trace.is_finished else None
        return None if answer is None else grader.grade([(answer, problem.gold)])[0]

    return is_correct
