"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.analysis.records import ProblemRecord
from ttc.config import RunConfig
from ttc.difficulty import Bins
from ttc.grading import Grader, extract_answer
from ttc.progress import RunProgress
from ttc.recorder import Choice, Recorder
from ttc.runner import Outcome
from ttc.types import Candidate, Problem
from ttc.workers import Work, at_work

if TYPE_CHECKING:
    import pandas as pd


class Stopwatch:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        before = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - before

    def total(self) -> float:
        return time.perf_counter() - self._started


def run(config: RunConfig, directory: Path) -> dict[str, Any]:
    """Run the experiment, print its tables, write `directory`, return what summary.json holds.

    Raises:
        UserError: before any weights load, for whatever is wrong with the config or the data.
    """
    from ttc.analysis.report import headline, show, write_run
    from ttc.analysis.tables import run_table

    config.check()
    problems = config.data.load()
    config.difficulty.bins([problem.id for problem in problems], own={})
    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        with watch.phase("load"):
            work = stack.enter_context(at_work(config, len(problems)))
        grader = stack.enter_context(Grader(timeout_seconds=config.grading_timeout, workers=config.grading_workers))
        choice = Choice(config.selection, config.aggregation, config.strategy.generations_each)
        recorder = stack.enter_context(Recorder(directory, choice, grader))
        _solve(config, work, problems, recorder)
        records, note = _binned(config, problems, recorder.finish())
        watch.seconds |= work.seconds | {"grade": recorder.seconds}
        table = run_table(
            records, parallel=config.strategy.is_parallel, aggregation=config.aggregation, seed=config.seed
        )
        watch.seconds["total"] = watch.total()
        summary = _summary(config, work, records, table, watch.seconds) | {"notes": [note] if note else []}
        quintile = {record.id: record.quintile for record in records if record.quintile is not None}
        write_run(directory, summary, table, recorder.rows(quintile))
        if config.store:
            with config.store.open() as store:
                store.keep_results(_settings(config), (record.to_json() for record in records))
    title = headline(
        summary["strategy"], config.budget, summary["data"], len(problems), summary["n_problems_available"]
    )
    show(title, table, summary)
    return summary


def _settings(config: RunConfig) -> dict[str, Any]:
    """All that decides the results, as plain values; parts by their class."""
    parts = {name: getattr(config, name) for name in ("strategy", "generator", "prm", "data", "difficulty")}
    settings = {name: {"class": type(part).__name__, **vars(part)} for name, part in parts.items() if part is not None}
    return settings | {name: getattr(config, name) for name in ("budget", "seed", "selection", "aggregation")}


def _solve(config: RunConfig, work: Work, problems: list[Problem], recorder: Recorder) -> None:
    """Hand every problem's candidates, with their answers extracted, to the recorder."""
    with RunProgress(len(problems), config.selection, config.aggregation) as progress:
        work.on_tokens = progress.add_tokens
        work.on_poll = lambda: progress.tick(lambda: work.decoding_tokens)
        for outcome in work.run(problems):
            answered = Outcome(outcome.problem, [_answered(c) for c in outcome.candidates], outcome.tokens)
            recorder.add(answered)
            progress.add_outcome(answered)


def _answered(candidate: Candidate) -> Candidate:
    """Extract the final answer; a trace that the generator did not end itself has none."""
    answer = extract_answer(candidate.trace.text) if candidate.trace.is_finished else None
    return replace(candidate, answer=answer)


def _binned(
    config: RunConfig, problems: list[Problem], records: dict[str, ProblemRecord]
) -> tuple[list[ProblemRecord], str | None]:
    """Every record with its quintile, and a line about where the bins come from when that matters.

    The run's own pass@1 is offered where its samples are independent.
    """
    ids = [problem.id for problem in problems]
    own = {id_: records[id_].pass1 for id_ in ids} if config.strategy.is_parallel else None
    bins: Bins = config.difficulty.bins(ids, own=own)
    return [replace(records[id_], quintile=bins.quintile.get(id_)) for id_ in ids], bins.note


def _summary(
    config: RunConfig, work: Work, records: Sequence[ProblemRecord], table: pd.DataFrame, seconds: dict[str, float]
) -> dict[str, Any]:
    from ttc.analysis.accuracy import summarize
    from ttc.analysis.chains import told_of_chains

    return {
        **summarize(table, str(config.selection)),
        "strategy": _name(config.strategy),
        "budget": config.budget,
        "seed": config.seed,
        "aggregation": str(config.aggregation),
        "generator": config.generator.model,
        "prm": config.prm.model if config.strategy.needs_prm else None,
        "data": config.data.name,
        "n_problems_available": config.data.available,
        **told_of_chains(records),
        "generations": sum(record.generations for record in records),
        "tokens": work.ledger.tokens.to_json(),
        "flops": work.ledger.flops(),
        "seconds": {name: seconds.get(name, 0.0) for name in ("load", "generate", "score", "grade", "total")},
    }


def _name(strategy: object) -> str:
    """`BestOfN` -> `best_of_n`, as its config is named."""
    import re

    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(strategy).__name__).lower()
