"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ttc.analysis.records import CandidateRecord, ProblemRecord, Selected
from ttc.config import RunConfig
from ttc.difficulty import Bins
from ttc.engines.base import Engine, started
from ttc.grading import Grader, extract_answer
from ttc.progress import RunProgress
from ttc.runner import Outcome, Runner
from ttc.runner import started as flows_of
from ttc.selection import Selection, choose
from ttc.store import Store, StoredEngine
from ttc.types import Candidate, Problem

if TYPE_CHECKING:
    import pandas as pd


class Stopwatch:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()

    @contextmanager
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
    from ttc.analysis.accuracy import accuracy_table
    from ttc.analysis.report import headline, show, write_run

    config.check()
    problems = config.data.load()
    config.difficulty.bins([problem.id for problem in problems], own={})
    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(config.store.open()) if config.store else None
        with watch.phase("load"):
            runner = _runner(config, store)
        outcomes = _solve(config, runner, problems)
    watch.seconds |= runner.seconds
    with watch.phase("grade"):
        grades = _graded(config, outcomes)
    bins = _bins(config, outcomes, grades)
    records = [_record(config, outcome, grades, bins.quintile) for outcome in outcomes]
    table = accuracy_table(records, parallel=config.strategy.is_parallel, seed=config.seed)
    watch.seconds["total"] = watch.total()
    summary = _summary(config, runner, records, table, watch.seconds) | {"notes": [bins.note] if bins.note else []}
    write_run(directory, summary, table, records)
    title = headline(
        summary["strategy"], config.budget, summary["data"], len(problems), summary["n_problems_available"]
    )
    show(title, table, summary)
    return summary


def _runner(config: RunConfig, store: Store | None) -> Runner:
    """Start the engines that the strategy needs, or reuse those that an earlier job of this process started."""

    def engine(part: Any) -> Engine:
        return StoredEngine(started(part), store, part.model) if store else started(part)

    verifier = engine(config.prm) if config.strategy.needs_prm else None
    return Runner(engine(config.generator), verifier, seed=config.seed)


def _solve(config: RunConfig, runner: Runner, problems: list[Problem]) -> list[Outcome]:
    """Every problem's candidates, with their answers extracted, in the order of `problems`."""
    flows = flows_of(problems, lambda problem: config.strategy.solve(problem, config.budget))
    outcomes: dict[str, Outcome] = {}
    with RunProgress(len(problems), config.selection, config.aggregation) as progress:
        runner.on_tokens = progress.add_tokens
        for outcome in runner.run(flows):
            answered = Outcome(outcome.problem, [_answered(c) for c in outcome.candidates], outcome.tokens)
            outcomes[outcome.problem.id] = answered
            progress.add_outcome(answered)
    return [outcomes[problem.id] for problem in problems]


def _answered(candidate: Candidate) -> Candidate:
    """Extract the final answer; a trace that the generator did not end itself has none."""
    answer = extract_answer(candidate.trace.text) if candidate.trace.is_finished else None
    return Candidate(candidate.trace, candidate.values, answer, candidate.meta)


Grades = Mapping[tuple[str | None, str], bool]
"""Is this answer (None: there is none) equivalent to this gold answer?"""


def _graded(config: RunConfig, outcomes: list[Outcome]) -> Grades:
    pairs = [(c.answer, outcome.problem.gold) for outcome in outcomes for c in outcome.candidates]
    with Grader(timeout_seconds=config.grading_timeout, workers=config.grading_workers) as grader:
        return dict(zip(pairs, grader.grade(pairs), strict=True))


def _bins(config: RunConfig, outcomes: list[Outcome], grades: Grades) -> Bins:
    """Each problem's quintile; the run's own pass@1 is offered where its samples are independent."""
    own = None
    if config.strategy.is_parallel:
        own = {
            outcome.problem.id: fmean(grades[c.answer, outcome.problem.gold] for c in outcome.candidates)
            for outcome in outcomes
        }
    bins: Bins = config.difficulty.bins([outcome.problem.id for outcome in outcomes], own=own)
    return bins


def _record(config: RunConfig, outcome: Outcome, grades: Grades, quintile: Mapping[str, int]) -> ProblemRecord:
    problem, candidates = outcome.problem, outcome.candidates
    selected = {}
    for selection in Selection:
        if selection is Selection.MAJORITY or all(candidate.values for candidate in candidates):
            chosen = choose(candidates, selection, config.aggregation)
            answer = chosen.answer if chosen else None
            selected[str(selection)] = Selected(answer, grades.get((answer, problem.gold), False))
    graded = tuple(_candidate_record(candidate, grades[candidate.answer, problem.gold]) for candidate in candidates)
    return ProblemRecord(
        id=problem.id,
        gold=problem.gold,
        subject=problem.subject,
        level=problem.level,
        quintile=quintile.get(problem.id),
        correct=selected[str(config.selection)].correct,
        selected=selected,
        oracle=any(candidate.correct for candidate in graded),
        candidates=graded,
        generations=len(candidates),
        tokens=outcome.tokens,
    )


def _candidate_record(candidate: Candidate, correct: bool) -> CandidateRecord:
    trace = candidate.trace
    return CandidateRecord(
        text=trace.text,
        answer=candidate.answer,
        correct=correct,
        finish=str(trace.finish) if trace.finish else None,
        values=candidate.values,
        tokens=len(trace.token_ids),
    )


def _summary(
    config: RunConfig, runner: Runner, records: Iterable[ProblemRecord], table: pd.DataFrame, seconds: dict[str, float]
) -> dict[str, Any]:
    from ttc.analysis.accuracy import summarize

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
        "generations": sum(record.generations for record in records),
        "tokens": runner.ledger.tokens.to_json(),
        "flops": runner.ledger.flops(),
        "seconds": {name: seconds.get(name, 0.0) for name in ("load", "generate", "score", "grade", "total")},
    }


def _name(strategy: object) -> str:
    """`BestOfN` -> `best_of_n`, as its config is named."""
    import re

    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(strategy).__name__).lower()
