"""Collecting training data with the engines: a JSON line at a time, resumable, watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.engines.base import EngineConfig, started
from ttc.engines.checkpoint import fingerprint, resolve
from ttc.errors import UserError
from ttc.grading import Grader, extract_answer
from ttc.meter import metered
from ttc.runner import Outcome, Runner
from ttc.runner import started as flows_of
from ttc.types import Flow, Problem, Trace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ttc.engines.vllm import VllmGenerator

Row = Mapping[str, Any]
IsCorrect = Callable[[Trace], bool | None]
"""Right, wrong, or (None) without an answer."""

IN_FLIGHT = 2048  # requests: enough to keep an engine full, few enough that a killed collection loses little

SPEED = frozenset({"max_num_seqs", "gpu_memory_utilization", "kv_cache_gib", "tensor_parallel_size"})
"""Settings of a generator that change how fast it samples, and nothing else."""


def sampled_with(training: DataclassInstance, generator: VllmGenerator, fitting: frozenset[str]) -> dict[str, str]:
    """The settings of a training that its samples hang on: all but those of the `fitting` and of speed."""
    source = resolve(generator.model, "generator")
    content = fingerprint(source)[:12] if Path(source).is_dir() else "hub"  # a hub id may be in the cache by next time
    model = f"{generator.model} ({content})"
    sampling = {name: value for name, value in asdict(training).items() if name not in fitting | {"generator"}}
    asked = {name: value for name, value in asdict(generator).items() if name not in SPEED} | {"model": model}
    named = sampling | {f"generator.{name}": value for name, value in asked.items()}
    return {name: str(value) for name, value in named.items()}


def claim(directory: Path, settings: Mapping[str, str]) -> None:
    """Make the directory, and bind it to what its samples are made with.

    A generator's directory counts by its content, so that a copy or another name of it is the same.

    Raises:
        UserError: it holds samples that were made with other settings, or with none that are known.
    """
    file = directory / "sampling.json"
    if not file.exists():
        if any(directory.glob("*.jsonl")):
            raise UserError(f"{directory} holds samples whose settings are not known; choose another hydra.run.dir.")
        directory.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(settings, indent=2) + "\n")
        partial.replace(file)
    theirs = json.loads(file.read_text())
    for name in [*settings, *theirs]:
        was, now = (values.get(name, "nothing") for values in (theirs, settings))
        if _content(name, was) != _content(name, now):
            raise UserError(
                f"the samples in {directory} were made with {name}={was}, not {now}; go on with that, or choose "
                "another hydra.run.dir."
            )


def _content(name: str, value: str) -> str:
    _, _, content = value.rpartition(" ")
    return content if name == "generator.model" and content != "(hub)" else value


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
    runner = Runner(started(generator), seed=seed, max_in_flight=IN_FLIGHT)
    with Grader() as grader, file.open("a") as lines:
        flows = flows_of(left, lambda problem: solve(problem, judge(problem, grader)))
        for number, outcome in enumerate(metered(runner.run(flows), title, len(left))):
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
