"""All problems of a run, solved: once, or until they cost no more than the limit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from ttc.config import RunConfig
from ttc.execution.executor import Executor
from ttc.execution.planning import Plan, Planner
from ttc.execution.progress import NewProgress, RunProgress
from ttc.execution.recorder import Recorder
from ttc.execution.shortfalls import Shortfalls
from ttc.grading import AnswerGrader
from ttc.runs.records import ProblemRecord
from ttc.types import Candidate, Problem


@dataclass(frozen=True)
class Solved:
    """All problems, solved: their records, what fell short, and the plan of a run that is limited by cost."""

    recorder: Recorder
    records: dict[str, ProblemRecord]
    shortfalls: Shortfalls
    plan: Plan | None


def solve_within_limit(
    config: RunConfig,
    executor: Executor,
    problems: list[Problem],
    new_recorder: Callable[[], Recorder],
    stack: contextlib.ExitStack,
    new_progress: NewProgress = RunProgress,
) -> Solved:
    """Solve all problems; where their cost is limited, plan the budget first, and again while they exceed the limit.

    `stack` closes the recorder.
    """
    planner = Planner(config, executor, problems) if config.limit else None
    plan = planner.plan() if planner else None
    while True:
        with contextlib.ExitStack() as attempt:
            recorder = attempt.enter_context(new_recorder())
            shortfalls = _solve(config, executor, problems, recorder, new_progress, plan.budget if plan else None)
            records = recorder.finish()
            plan = plan.measured(records.values()) if plan else None
            if planner is None or plan is None or plan.fits:
                stack.push(attempt.pop_all())
                return Solved(recorder, records, shortfalls, plan)
        plan = planner.lowered(plan)


def _solve(
    config: RunConfig,
    executor: Executor,
    problems: list[Problem],
    recorder: Recorder,
    new_progress: NewProgress,
    budget: int | None,
) -> Shortfalls:
    """Pass every problem's candidates, with their answers extracted, to the recorder; return what fell short."""
    shortfalls = Shortfalls()
    with new_progress(len(problems), config.selection, config.aggregation, config.grader) as progress:
        executor.on_tokens = progress.add_tokens
        executor.on_poll = lambda: progress.tick(lambda: executor.decoding_tokens)
        for outcome in executor.solve(problems, budget):
            answered = replace(outcome, candidates=[_answered(c, config.grader) for c in outcome.candidates])
            shortfalls += outcome.shortfalls
            recorder.add(answered)
            progress.add_outcome(answered)
    return shortfalls


def _answered(candidate: Candidate, grader: AnswerGrader) -> Candidate:
    """Extract the final answer; a trace that the generator did not finish has none."""
    answer = grader.extract(candidate.trace.text) if candidate.trace.is_finished else None
    return replace(candidate, answer=answer)
