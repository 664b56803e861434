"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.config import RunConfig
from ttc.data.base import subset
from ttc.difficulty.base import Bins
from ttc.execution.identity import identity_of
from ttc.execution.pool import open_executor
from ttc.execution.progress import NewProgress, RunProgress
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.solving import solve_within_limit
from ttc.execution.summary import (
    grading_notes,
    mean_budget,
    store_notes,
    stored_settings,
    summarize_run,
    training_notes,
)
from ttc.grading import Grader
from ttc.runs.directory import RunDirectory
from ttc.runs.records import ProblemRecord
from ttc.types import Problem

if TYPE_CHECKING:
    import pandas as pd


class Stopwatch:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started_at = time.perf_counter()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the block's seconds to a phase."""
        before = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - before)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def total(self) -> float:
        """Return the seconds since this object was created."""
        return time.perf_counter() - self._started_at


def run_experiment(config: RunConfig, directory: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Run the experiment, print its tables, write `directory`, and return the content of summary.json.

    Raises: see `execute`.
    """
    from ttc.analysis.display import headline, show_run

    finished = execute(config, directory, overrides)
    summary = finished.summary
    show_run(headline(summary, summary["n_problems"], summary["n_problems_available"]), finished.table, summary)
    return summary


@dataclass(frozen=True)
class FinishedRun:
    """What a run has written: the content of summary.json and of accuracy.csv."""

    summary: dict[str, Any]
    table: pd.DataFrame


def execute(
    config: RunConfig, directory: Path, overrides: Sequence[str] = (), new_progress: NewProgress = RunProgress
) -> FinishedRun:
    """Run the experiment and write `directory`; print nothing but progress.

    Args:
        config: of the run.
        directory: of its files.
        overrides: of the command line, for the record.
        new_progress: shows the progress, of the run or of whatever it is a part of.

    Raises:
        UserError: before any weights load, for whatever is wrong with the config or the data; after a pilot, if not
            even the smallest budget fits the limit.
        RunError: the run had to stop, e.g. because the disk is full.
    """
    from ttc.analysis.tables import run_table

    config.check()
    available = config.data.read()
    problems = subset(available, config.data.limit, config.data.seed)
    config.difficulty.bins([problem.id for problem in problems], own={})
    config.check_problems(problems)
    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        with watch.phase("load"):
            config.difficulty.prepare(problems, config.generator.embed)
            executor = stack.enter_context(open_executor(config, len(problems)))
        grader = stack.enter_context(Grader(config.grading_timeout, config.grading_workers, config.grading_units))
        builder = RecordBuilder(config.selection, config.aggregation)
        solved = solve_within_limit(
            config, executor, problems, lambda: Recorder(directory, builder, grader), stack, new_progress
        )
        records, bins = _binned(config, problems, solved.records)
        for phase, seconds in (*executor.seconds.items(), ("grade", solved.recorder.seconds)):
            watch.add(phase, seconds)
        # Where a table gives each problem its own budget, subsets of all sizes up to one for all do not exist.
        independent = config.strategy.independent_samples and config.budgets is None
        table = run_table(records, independent=independent, aggregation=config.aggregation, seed=config.seed)
        watch.seconds["total"] = watch.total()
        budget = solved.plan.budget if solved.plan else mean_budget(config, problems)
        summary = summarize_run(config, budget, executor.ledger, records, table, watch.seconds)
        notes = [
            *([bins.note] if bins.note else []),
            *(solved.plan.notes() if solved.plan else []),
            *store_notes(executor.damaged_replies),
            *grading_notes(config.grading_timeout, grader),
            *solved.shortfalls.notes(config.generator.token_limit),
            *config.generator.notes,
            *(config.verifier.notes if config.verifier else []),
            *training_notes(config, problems),
        ]
        summary |= identity_of(config, overrides).entries()
        summary |= {"difficulty": dict(bins.origin)} if bins.origin else {}
        summary |= {"plan": solved.plan.to_json()} if solved.plan else {}
        summary |= {"n_problems_available": len(available), "shortfalls": solved.shortfalls.to_json(), "notes": notes}
        summary["grading_timeouts"] = grader.timed_out
        quintile = {record.id: record.quintile for record in records if record.quintile is not None}
        recorder = solved.recorder
        RunDirectory(directory).write(summary, table, recorder.rows(quintile), recorder.trees())
        if config.store:
            with config.store.open() as store:
                store.keep_results(stored_settings(config, budget), (record.to_json() for record in records))
    return FinishedRun(summary, table)


def _binned(
    config: RunConfig, problems: list[Problem], records: dict[str, ProblemRecord]
) -> tuple[list[ProblemRecord], Bins]:
    """Return every record with its quintile, and the bins.

    The run's own difficulties are offered where its samples are independent.
    """
    ids = [problem.id for problem in problems]
    own = {id_: config.difficulty.own_value(records[id_]) for id_ in ids}
    known = {id_: value for id_, value in own.items() if value is not None}
    complete = config.strategy.independent_samples and len(known) == len(own)
    bins = config.difficulty.bins(ids, own=known if complete else None)
    return [replace(records[id_], quintile=bins.quintile.get(id_)) for id_ in ids], bins
