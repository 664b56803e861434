"""Collect training data from a generator into a JSONL file; an interrupted collection resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

from ttc.engines.base import EngineConfig, release_engines
from ttc.engines.generator import VllmGenerator
from ttc.engines.vllm_setup import shape_of
from ttc.errors import UserError
from ttc.execution.executor import start_stored
from ttc.execution.progress import SolvingProgress
from ttc.execution.runner import Outcome, Runner, start_flows
from ttc.files import read_jsonl
from ttc.grading import TIMEOUT_SECONDS, AnswerGrader, Grading, MathGrader, grade_against_any
from ttc.store.database import SqliteStore
from ttc.training.optimisation import pick_device
from ttc.training.processes import hidden_launcher, is_main, wait_for_file, world_size
from ttc.types import Flow, Problem, Trace

IsCorrect = Callable[[Trace], bool | None]
"""Whether a trace ends with the correct answer; None when it has no answer."""

MAX_IN_FLIGHT = 2048  # requests: enough to keep an engine full, few enough that a killed collection loses little
MAX_KEPT_PARAMETERS = 100_000_000


def collect(
    file: Path,
    problems: Iterable[Problem],
    generator: EngineConfig,
    solve: Callable[[Problem, IsCorrect], Flow],
    rows_of: Callable[[Outcome, IsCorrect], Iterable[Mapping[str, object]]],
    *,
    title: str,
    seed: int,
    store: SqliteStore | None = None,
    grader: AnswerGrader | None = None,
) -> None:
    """Append the rows of every problem to `file`, skipping the problems that it already holds.

    Each row needs the `id` of its problem. A file of the same name with the suffix `.done` marks the collection as
    complete. A collection that was killed may have written only some rows of its last problem: that one is collected
    again. With a store the replies to unfinished problems are not lost either, and runs with the same seed share them.

    Of several processes the main one collects; the others wait for it, without a time limit. The engine stays loaded
    for the next collection: `end_collecting` releases it.

    Raises:
        UserError: the file holds something else.
    """
    done = file.with_suffix(".done")
    if done.exists():
        return
    if not is_main():
        wait_for_file(done)
        return
    collected = _drop_unfinished_problem(file) if file.exists() else set()
    remaining = [problem for problem in problems if problem.id not in collected]
    used = grader or MathGrader()
    used.check_problems(remaining)
    with hidden_launcher(), store.open() if store else nullcontext() as replies:
        runner = Runner(start_stored(generator, replies), seed=seed, max_in_flight=MAX_IN_FLIGHT)
        progress = SolvingProgress(title, len(collected) + len(remaining), len(collected))
        runner.on_tokens = progress.add_tokens
        runner.on_poll = lambda: progress.tick(lambda: runner.decoding_tokens)
        grading = used.open(TIMEOUT_SECONDS, workers=min(2, os.cpu_count() or 1))
        with progress, grading, file.open("a", encoding="utf-8", newline="\n") as lines:
            flows = start_flows(remaining, lambda problem: solve(problem, correctness_of(problem, grading, used)))
            for outcome in runner.run(flows):
                rows = rows_of(outcome, correctness_of(outcome.problem, grading, used))
                lines.writelines(json.dumps(row) + "\n" for row in rows)
                lines.flush()  # a slow model may take minutes for the next problem
                progress.add_outcome(outcome)
    done.touch()


def end_collecting(generator: VllmGenerator) -> None:
    """Release the generator before a model is fitted: call this after a training's last collection.

    A small generator stays loaded on a CPU, where it is in nobody's way, for the next training of the same process.
    """
    shape = shape_of(generator.source, generator.revision)
    small = shape is not None and shape.params <= MAX_KEPT_PARAMETERS
    # vLLM connects to itself in the same way as the processes of a training are about to connect to each other.
    if not small or world_size() > 1 or pick_device() == "cuda":
        release_engines()


def _drop_unfinished_problem(file: Path) -> set[str]:
    """Remove the last problem's rows, and a last line without "\\n"; return the ids of the others."""
    ids = [_id(row, place) for place, row in read_jsonl(file, skip_unfinished_line=True)]
    kept = len(ids)
    while kept and ids[kept - 1] == ids[-1]:
        kept -= 1
    with file.open("rb+") as stream:
        rows = 0
        while rows < kept:
            rows += bool(stream.readline().strip())
        stream.truncate(stream.tell())
    return set(ids[:kept])


def _id(row: object, place: str) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    if not isinstance(found, str):
        raise UserError(f"{place} is not a collected row (no id); delete the file, or choose another hydra.run.dir.")
    return found


def correctness_of(problem: Problem, grading: Grading, grader: AnswerGrader | None = None) -> IsCorrect:
    """Return the function that grades traces of the problem."""
    used = grader or MathGrader()
    golds = [used.gold(gold) for gold in (problem.gold, *problem.alternatives)]

    def is_correct(trace: Trace) -> bool | None:
        answer = used.extract(trace.text) if trace.is_finished else None
        return None if answer is None else grade_against_any(grading, [(answer, golds)])[0]

    return is_correct
