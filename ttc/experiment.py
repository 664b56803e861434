"""One run, from its config to its tables: problems, engines, flows, grading, selections, the run directory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.analysis.records import CandidateRecord, ProblemRecord, Selected
from ttc.config import RunConfig
from ttc.engines.base import started
from ttc.grading import Grader, extract_answer
from ttc.progress import RunProgress
from ttc.runner import Outcome, Runner
from ttc.runner import started as flows_of
from ttc.selection import Selection, choose
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
    with watch.phase("load"):
        runner = _runner(config)
    outcomes = _solve(config, runner, problems)
    watch.seconds |= runner.seconds
    with watch.phase("grade"):
        records = _records(config, outcomes)
    table = accuracy_table(records, parallel=config.strategy.is_parallel, seed=config.seed)
    watch.seconds["total"] = watch.total()
    summary = _summary(config, runner, records, table, watch.seconds)
    write_run(directory, summary, table, records)
    title = headline(
        summary["strategy"], config.budget, summary["data"], len(problems), summary["n_problems_available"]
    )
    show(title, table, summary)
    return summary


def _runner(config: RunConfig) -> Runner:
    """Start the engines that the strategy needs, or reuse those that an earlier job of this process started."""
    generator = started(config.generator)
    verifier = started(config.prm) if config.strategy.needs_prm else None
    return Runner(generator, verifier, seed=config.seed)


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


def _records(config: RunConfig, outcomes: list[Outcome]) -> list[ProblemRecord]:
    """Grade every candidate, make every selection, put the problems into their bins."""
    pairs = [(c.answer, outcome.problem.gold) for outcome in outcomes for c in outcome.candidates]
    with Grader(timeout_seconds=config.grading_timeout, workers=config.grading_workers) as grader:
        grades = dict(zip(pairs, grader.grade(pairs), strict=True))
    share = {outcome.problem.id: _share_correct(outcome, grades) for outcome in outcomes}
    bins = config.difficulty.bins(list(share), own=share if config.strategy.is_parallel else None)
    return [_record(config, outcome, grades, bins.quintile) for outcome in outcomes]


Grades = Mapping[tuple[str | None, str], bool]


def _share_correct(outcome: Outcome, grades: Grades) -> float:
    return sum(grades[c.answer, outcome.problem.gold] for c in outcome.candidates) / len(outcome.candidates)


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

    records = list(records)
    ids = [record.id for record in records]
    bins = config.difficulty.bins(ids, own={r.id: r.pass1 for r in records} if config.strategy.is_parallel else None)
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
        "notes": [bins.note] if bins.note else [],
    }


def _name(strategy: object) -> str:
    """`BestOfN` -> `best_of_n`, as its config is named."""
    import re

    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(strategy).__name__).lower()
