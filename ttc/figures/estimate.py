"""What runs will cost, before they start: work counted by rehearsal, times and token counts measured by short pilots.

A pilot solves a few problems with the strategy of some runs, with a store of its own, which is thrown away. What it
takes per decoded step, scoring and bookkeeping included, is what other runs of the same generator will take that sample
in the same way: step by step, or whole solutions. How often its samples repeat each other says how much runs share.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from ttc.config import RunConfig
from ttc.data.base import subset
from ttc.execution.pool import open_executor
from ttc.execution.runner import Outcome
from ttc.execution.workload import REPETITION, Rehearsal, Workload, measured_repetition
from ttc.figures.running import PlannedRun
from ttc.progress_bar import ProgressBar
from ttc.store.database import SqliteStore
from ttc.terminal import plain_table, print_plain
from ttc.types import Problem

PILOT_PROBLEMS = 66
PILOT_BUDGET = 16
REPLAY_SECONDS = 90e-6  # of a stored reply
RUN_SECONDS = 2.0  # beside the replies: opening, grading, tables
STORED_WORK = 0.05  # of a stored generation, in new ones
READING_SECONDS = 0.06  # per problem: to read all runs, and to draw


@dataclass(frozen=True)
class Rate:
    """What a pilot measured.

    Attributes:
        seconds: per decoded step.
        tokens: per decoded step.
        flops: per decoded step.
        load_seconds: for the models.
        repetition: of the generator's first steps.
    """

    seconds: float
    tokens: float
    flops: float
    load_seconds: float
    repetition: float


@dataclass(frozen=True)
class RoleEstimate:
    """What the runs of a role, or of all, will cost; those that are finished cost no time."""

    name: str
    runs: int
    finished: int
    generations: int
    tokens: float
    flops: float
    seconds: float


def rehearse(planned: Sequence[PlannedRun], repetition: float = REPETITION) -> dict[str, Workload]:
    """Return the work per problem of every run, by name, in the order in which they run."""
    rehearsal = Rehearsal(repetition)
    return {run.recipe.name: rehearsal.count(run.config, run.recipe.budget) for run in planned}


def progress_weights(planned: Sequence[PlannedRun]) -> dict[str, float]:
    """Return the expected work of every run in generations; stored ones count little."""
    problems = problem_count(planned)
    return {
        name: problems * work.generations * (work.new_steps / max(work.steps, 1) + STORED_WORK)
        for name, work in rehearse(planned).items()
    }


def estimate(planned: Sequence[PlannedRun]) -> list[RoleEstimate]:
    """Measure pilots, and return what the runs of each role will cost."""
    rates, problems = _rates(planned), problem_count(planned)
    work = rehearse(planned, next(iter(rates.values())).repetition)
    found, loaded = [], set[str]()
    for role in dict.fromkeys(run.recipe.role for run in planned):
        members = [run for run in planned if run.recipe.role is role]
        seconds = tokens = flops = 0.0
        for run in members:
            load = work[run.recipe.name]
            kind = _kind(run.config, load)
            rate = rates[kind]
            tokens += problems * load.steps * rate.tokens
            flops += problems * load.steps * rate.flops
            if not run.is_finished:
                replayed = load.samples * (1 - load.new_steps / load.steps) + load.scores
                seconds += problems * (load.new_steps * rate.seconds + replayed * REPLAY_SECONDS) + RUN_SECONDS
                seconds += 0 if kind in loaded else rate.load_seconds
                loaded.add(kind)
        generations = problems * sum(work[run.recipe.name].generations for run in members)
        finished = sum(run.is_finished for run in members)
        found.append(RoleEstimate(str(role), len(members), finished, generations, tokens, flops, seconds))
    return found


def show_estimate(estimates: Sequence[RoleEstimate], problems: int, console: Console | None = None) -> None:
    """Print the estimates as a table, with their sums."""
    console = console or Console(highlight=False)
    table = plain_table("runs of", right=("runs", "finished", "generations", "tokens", "FLOPs", "minutes"))
    for row in [*estimates, _sum_of(estimates)]:
        table.add_row(
            row.name, str(row.runs), str(row.finished), f"{row.generations:,}", f"{row.tokens:.2e}", f"{row.flops:.2e}",
            f"{row.seconds / 60:.1f}",
        )  # fmt: skip
    console.print(table)
    total = sum(row.seconds for row in estimates) + READING_SECONDS * problems
    print_plain(
        console,
        f"{problems} problems; about {total / 60:.0f} minutes in all, reading and drawing included.\n"
        "Tokens are decoded ones, FLOPs by the convention `paper`; both are charged also where replies are stored.",
    )


def _sum_of(rows: Sequence[RoleEstimate]) -> RoleEstimate:
    names = ("runs", "finished", "generations", "tokens", "flops", "seconds")
    return RoleEstimate("all", *(sum(getattr(row, name) for row in rows) for name in names))


def _rates(planned: Sequence[PlannedRun]) -> dict[str, Rate]:
    """Measure a pilot for each kind of run."""
    work = rehearse(planned)
    kinds: dict[str, list[PlannedRun]] = {}
    for run in planned:
        kinds.setdefault(_kind(run.config, work[run.recipe.name]), []).append(run)
    with ProgressBar("pilots", len(kinds), log_seconds=0.0) as bar:
        found = {}
        for number, (kind, runs) in enumerate(kinds.items()):
            bar.show(number, f"{runs[0].recipe.role}")
            found[kind] = _pilot(_typical(runs).config)
    return found


def _typical(runs: Sequence[PlannedRun]) -> PlannedRun:
    """Return the first role's run whose budget is nearest to a pilot's; of several ratios the middle one."""
    first = [run for run in runs if run.recipe.role is runs[0].recipe.role]
    distance = min(abs(run.recipe.budget - PILOT_BUDGET) for run in first)
    nearest = [run for run in first if abs(run.recipe.budget - PILOT_BUDGET) == distance]
    return nearest[len(nearest) // 2]


def _kind(config: RunConfig, work: Workload) -> str:
    """Return what a rate depends on; scoring takes little beside sampling."""
    return f"{config.generator.fingerprint()} {'steps' if work.is_stepwise else 'solutions'}"


def _pilot(config: RunConfig) -> Rate:
    """Solve a few problems, and return what they took."""
    budget = config.strategy.largest_spendable(max(PILOT_BUDGET, config.strategy.smallest_spendable()))
    if config.budget is not None and config.budget < budget:
        budget = config.budget
    problems = subset(config.data.available(), PILOT_PROBLEMS, config.data.seed)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        own = replace(config, store=SqliteStore(str(Path(scratch) / "pilot.sqlite")), budget=budget)
        started_at = time.perf_counter()
        executor = stack.enter_context(open_executor(own, len(problems)))
        list(executor.solve(problems[:2], budget))  # the first requests load the models and warm them up
        loaded_at = time.perf_counter()
        outcomes = list(executor.solve(problems[2:], budget))
        seconds = time.perf_counter() - loaded_at
        paper = executor.ledger.flops().paper or 0
        decoded = sum(outcome.tokens.decoded for outcome in outcomes)
        per_token = paper / max(executor.ledger.tokens.decoded, 1)
    work = Rehearsal(repetition=0.0).count(config, budget)  # the store was empty: nothing was shared
    steps = max(work.new_steps * len(outcomes), 1)
    tokens = decoded / steps
    return Rate(seconds / steps, tokens, tokens * per_token, loaded_at - started_at, _repetition(outcomes))


def _repetition(outcomes: Sequence[Outcome]) -> float:
    """Measure from each problem's candidates how often first steps repeat each other."""
    samples = min(len(outcome.candidates) for outcome in outcomes)
    if samples < 2:
        return REPETITION
    firsts = [{c.trace.steps[:1] for c in outcome.candidates[:samples]} for outcome in outcomes]
    return measured_repetition(sum(map(len, firsts)) / len(firsts), samples)


def problem_count(planned: Sequence[PlannedRun]) -> int:
    """Return the number of problems of every run."""
    data = planned[0].config.data
    problems: Sequence[Problem] = data.load()
    return len(problems)
