"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.config import RunConfig
from ttc.cost import Ledger
from ttc.data.base import subset
from ttc.execution.executor import Executor
from ttc.execution.identity import identity_of
from ttc.execution.pool import open_executor
from ttc.execution.progress import RunProgress
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.shortfalls import Shortfalls
from ttc.grading import Grader, extract_answer
from ttc.models import ModelId
from ttc.runs.directory import RunDirectory
from ttc.runs.records import ProblemRecord
from ttc.strategies.base import config_of
from ttc.types import Candidate, Problem

if TYPE_CHECKING:
    import pandas as pd


log = logging.getLogger(__name__)


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
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - before

    def total(self) -> float:
        """Return the seconds since this object was created."""
        return time.perf_counter() - self._started_at


def run_experiment(config: RunConfig, directory: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Run the experiment, print its tables, write `directory`, and return the content of summary.json.

    Raises:
        UserError: before any weights load, for whatever is wrong with the config or the data.
        RunError: the run had to stop, e.g. because the disk is full.
    """
    from ttc.analysis.display import headline, show_run
    from ttc.analysis.tables import run_table

    config.check()
    available = config.data.read()
    problems = subset(available, config.data.limit, config.data.seed)
    config.difficulty.bins([problem.id for problem in problems], own={})
    config.generator.check_problems(problems)
    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        with watch.phase("load"):
            executor = stack.enter_context(open_executor(config, len(problems)))
        grader = stack.enter_context(Grader(config.grading_timeout, config.grading_workers, config.grading_units))
        builder = RecordBuilder(config.selection, config.aggregation)
        recorder = stack.enter_context(Recorder(directory, builder, grader))
        shortfalls = _solve(config, executor, problems, recorder)
        records, note = _binned(config, problems, recorder.finish())
        watch.seconds |= executor.seconds | {"grade": recorder.seconds}
        independent = config.strategy.independent_samples
        table = run_table(records, independent=independent, aggregation=config.aggregation, seed=config.seed)
        watch.seconds["total"] = watch.total()
        summary = _summary(config, executor, records, table, watch.seconds) | identity_of(config, overrides).entries()
        notes = [
            *([note] if note else []),
            *_store_notes(executor.damaged_replies),
            *grading_notes(config.grading_timeout, grader),
            *shortfalls.notes(config.generator.token_limit),
        ]
        summary |= {"n_problems_available": len(available), "shortfalls": shortfalls.to_json(), "notes": notes}
        summary["grading_timeouts"] = grader.timed_out
        quintile = {record.id: record.quintile for record in records if record.quintile is not None}
        RunDirectory(directory).write(summary, table, recorder.rows(quintile))
        if config.store:
            with config.store.open() as store:
                store.keep_results(_settings(config), (record.to_json() for record in records))
    show_run(
        headline(summary["strategy"], config.budget, summary["data"], len(problems), len(available)), table, summary
    )
    return summary


def _settings(config: RunConfig) -> dict[str, Any]:
    """Return all that determines the results, as plain values; parts by their class."""
    parts = {name: getattr(config, name) for name in ("strategy", "generator", "prm", "data", "difficulty")}
    settings = {
        name: {"class": type(part).__name__, **_given(part)} for name, part in parts.items() if part is not None
    }
    settings |= {name: getattr(config, name) for name in ("budget", "seed", "selection", "aggregation")}
    return settings | ({"grading_units": True} if config.grading_units else {})


def _store_notes(damaged_replies: int) -> list[str]:
    """Say, in the log and in the summary, that the store has lost something."""
    if not damaged_replies:
        return []
    replies = "1 stored reply was" if damaged_replies == 1 else f"{damaged_replies:,} stored replies were"
    note = f"{replies} damaged and computed again; if that happens more than once, check the disk"
    log.warning("%s", note)
    return [note]


def grading_notes(timeout_seconds: float, grader: Grader) -> list[str]:
    """Say how many comparisons met the time limit, if any did."""
    if not grader.timed_out:
        return []
    pairs = "1 comparison of answers" if grader.timed_out == 1 else f"{grader.timed_out:,} comparisons of answers"
    return [f"{pairs} reached grading_timeout={timeout_seconds:g} seconds and counted as not equal"]


def _given(part: Any) -> dict[str, Any]:
    """Return a part's settings; `stop`, which stores may be older than, only where it is set."""
    settings = {field.name: getattr(part, field.name) for field in fields(part)}
    return {name: value for name, value in settings.items() if name != "stop" or value}


def _solve(config: RunConfig, executor: Executor, problems: list[Problem], recorder: Recorder) -> Shortfalls:
    """Pass every problem's candidates, with their answers extracted, to the recorder; return what fell short."""
    shortfalls = Shortfalls()
    with RunProgress(len(problems), config.selection, config.aggregation) as progress:
        executor.on_tokens = progress.add_tokens
        executor.on_poll = lambda: progress.tick(lambda: executor.decoding_tokens)
        for outcome in executor.solve(problems):
            answered = replace(outcome, candidates=[_answered(c) for c in outcome.candidates])
            shortfalls += outcome.shortfalls
            recorder.add(answered)
            progress.add_outcome(answered)
    return shortfalls


def _answered(candidate: Candidate) -> Candidate:
    """Extract the final answer; a trace that the generator did not finish has none."""
    answer = extract_answer(candidate.trace.text) if candidate.trace.is_finished else None
    return replace(candidate, answer=answer)


def _binned(
    config: RunConfig, problems: list[Problem], records: dict[str, ProblemRecord]
) -> tuple[list[ProblemRecord], str | None]:
    """Return every record with its quintile, and a note on the bins' origin when that matters.

    The run's own pass@1 is offered where its samples are independent.
    """
    ids = [problem.id for problem in problems]
    own = {id_: records[id_].pass1 for id_ in ids} if config.strategy.independent_samples else None
    bins = config.difficulty.bins(ids, own=own)
    return [replace(records[id_], quintile=bins.quintile.get(id_)) for id_ in ids], bins.note


def _summary(
    config: RunConfig,
    executor: Executor,
    records: Sequence[ProblemRecord],
    table: pd.DataFrame,
    seconds: dict[str, float],
) -> dict[str, Any]:
    from ttc.analysis.accuracy import summarize
    from ttc.analysis.chains import chain_summary

    return {
        **summarize(table, str(config.selection)),
        "strategy": strategy_name(config.strategy),
        "budget": config.budget,
        "seed": config.seed,
        "aggregation": str(config.aggregation),
        "generator": config.generator.name,
        "prm": config.verifier.name if config.verifier else None,
        "data": config.data.name,
        "strategy_config": config_of(config.strategy),
        "models": _models(config, executor.ledger),
        **_routes(records),
        **chain_summary(records),
        "generations": sum(record.generations for record in records),
        "tokens": executor.ledger.tokens.to_json(),
        "flops": executor.ledger.flops().to_json(),
        "seconds": {name: seconds.get(name, 0.0) for name in ("load", "generate", "score", "grade", "total")},
    }


def _routes(records: Sequence[ProblemRecord]) -> dict[str, Any]:
    """Return how many problems took each route of a controller; empty where there is none."""
    counts = Counter(record.route for record in records if record.route is not None)
    return {"routes": dict(counts.most_common())} if counts else {}


def _models(config: RunConfig, ledger: Ledger) -> dict[str, Any]:
    """Return which generator and which verifier made the results."""
    parts = {"generator": (config.generator, ledger.generator), "prm": (config.verifier, ledger.verifier)}
    return {
        name: ModelId(part.name, part.fingerprint(), shape.params if shape else None).to_json()
        | {"shape": asdict(shape) if shape else None}
        if part
        else None
        for name, (part, shape) in parts.items()
    }


def strategy_name(strategy: object) -> str:
    """Return e.g. `best_of_n` for a `BestOfN`, as its config is named."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(strategy).__name__).lower()
