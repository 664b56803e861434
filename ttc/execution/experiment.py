"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.config import RunConfig
from ttc.execution.binning import binned
from ttc.execution.choosing import choose_problems
from ttc.execution.identity import identity_of, identity_of_all_shards
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
from ttc.execution.tracking import reporter_of, tracked, tracked_table
from ttc.runs.directory import RunDirectory
from ttc.runs.identity import WHOLE_DIGEST

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

    taken = choose_problems(config)
    problems = taken.problems
    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        reporter = stack.enter_context(reporter_of(config, directory))
        with watch.phase("load"):
            config.difficulty.prepare(problems, config.generator.embed)
            executor = stack.enter_context(open_executor(config, len(problems)))
        grading = stack.enter_context(
            config.grader.open(config.grading_timeout, config.grading_workers, config.grading_units)
        )
        builder = RecordBuilder(config.selection, config.aggregation, config.grader)
        solved = solve_within_limit(
            config,
            executor,
            problems,
            lambda: Recorder(directory, builder, grading),
            stack,
            tracked(new_progress, reporter),
        )
        records, bins = binned(
            [solved.records[problem.id] for problem in problems],
            config.difficulty,
            independent=config.strategy.independent_samples,
        )
        for phase, seconds in (*executor.seconds.items(), ("grade", solved.recorder.seconds)):
            watch.add(phase, seconds)
        # Where a table gives each problem its own budget, subsets of all sizes up to one for all do not exist.
        independent = config.strategy.independent_samples and config.budgets is None
        table = run_table(records, independent=independent, aggregation=config.aggregation, seed=config.seed)
        watch.seconds["total"] = watch.total()
        budget = solved.plan.budget if solved.plan else mean_budget(config, problems)
        summary = summarize_run(config, budget, executor.ledger, records, table, watch.seconds)
        notes = [
            *config.data.notes,
            *([bins.note] if bins.note else []),
            *taken.notes(config, bins),
            *(solved.plan.notes() if solved.plan else []),
            *store_notes(executor.damaged_replies),
            *grading_notes(config.grading_timeout, grading),
            *solved.shortfalls.notes(config.generator.token_limit),
            *config.generator.notes,
            *(config.verifier.notes if config.verifier else []),
            *training_notes(config, problems),
        ]
        summary |= identity_of(config, overrides).entries()
        summary |= {WHOLE_DIGEST: identity_of_all_shards(config)} if config.data.shard is not None else {}
        summary |= {"difficulty": dict(bins.origin)} if bins.origin else {}
        summary |= {"plan": solved.plan.to_json()} if solved.plan else {}
        summary |= {**taken.entries(), "shortfalls": solved.shortfalls.to_json(), "notes": notes}
        summary["grading_timeouts"] = grading.timed_out
        quintile = {record.id: record.quintile for record in records if record.quintile is not None}
        recorder = solved.recorder
        RunDirectory(directory).write(summary, table, recorder.rows(quintile), recorder.trees())
        if config.store:
            with config.store.open() as store:
                store.keep_results(stored_settings(config, budget), (record.to_json() for record in records))
        reporter.finish(summary, tracked_table(table, RunDirectory(directory).accuracy_file))
    return FinishedRun(summary, table)
