"""What runs will cost, before they start: work counted by rehearsal, times and token counts measured by short pilots.

A pilot solves a few problems with the strategy of some runs, with a store of its own, which is thrown away. What it
takes per sample, scoring and bookkeeping included, is what the runs of the same models and strategy will take.
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
from ttc.figures.recipes import Role
from ttc.figures.running import PlannedRun
from ttc.figures.workload import Rehearsal, Workload
from ttc.progress_bar import ProgressBar
from ttc.store.database import SqliteStore
from ttc.terminal import plain_table, print_plain
from ttc.types import Problem

PILOT_PROBLEMS = 66
PILOT_BUDGET = 16
REPLAY_SECONDS = 150e-6  # of a stored reply
RUN_SECONDS = 2.0  # beside the replies: opening, grading, tables
READING_SECONDS = 0.1  # per problem: to read all runs, and to draw


@dataclass(frozen=True)
class Rate:
    """What a pilot measured: per sample, per decoded step, and to load the models."""

    seconds: float
    tokens: float
    flops: float
    load_seconds: float


@dataclass(frozen=True)
class RoleEstimate:
    """What the runs of a role will cost; those that are finished cost no time."""

    role: Role
    runs: int
    finished: int
    generations: int
    tokens: float
    flops: float
    seconds: float


def rehearse(planned: Sequence[PlannedRun]) -> dict[str, Workload]:
    """Return the work per problem of every run, by name, in the order in which they run."""
    rehearsal = Rehearsal()
    return {run.recipe.name: rehearsal.count(run.config, run.recipe.budget) for run in planned}


def progress_weights(planned: Sequence[PlannedRun]) -> dict[str, float]:
    """Return the expected work of every run in generations, stored ones counting little."""
    problems = problem_count(planned)
    return {
        name: problems * (work.generations * (work.new_samples / max(work.samples, 1) + 0.02))
        for name, work in rehearse(planned).items()
    }


def estimate(planned: Sequence[PlannedRun]) -> list[RoleEstimate]:
    """Measure pilots, and return what the runs of each role will cost."""
    work, problems = rehearse(planned), problem_count(planned)
    rates = _rates(planned)
    found, loaded = [], set[str]()
    for role in dict.fromkeys(run.recipe.role for run in planned):
        members = [run for run in planned if run.recipe.role is role]
        seconds = tokens = flops = 0.0
        for run in members:
            rate, load = rates[_kind(run.config)], work[run.recipe.name]
            tokens += problems * load.steps * rate.tokens
            flops += problems * load.steps * rate.flops
            if not run.is_finished:
                replayed = load.samples - load.new_samples + load.scores
                seconds += problems * (load.new_samples * rate.seconds + replayed * REPLAY_SECONDS) + RUN_SECONDS
                if _kind(run.config) not in loaded:
                    seconds += rate.load_seconds
                    loaded.add(_kind(run.config))
        generations = problems * sum(work[run.recipe.name].generations for run in members)
        finished = sum(run.is_finished for run in members)
        found.append(RoleEstimate(role, len(members), finished, generations, tokens, flops, seconds))
    return found


def show_estimate(estimates: Sequence[RoleEstimate], problems: int, console: Console | None = None) -> None:
    """Print the estimates as a table, with their sums."""
    console = console or Console(highlight=False)
    table = plain_table("runs of", right=("runs", "finished", "generations", "tokens", "FLOPs", "minutes"))
    for row in [*estimates, _sum_of(estimates)]:
        name = str(row.role) if row in estimates else "all"
        table.add_row(
            name, str(row.runs), str(row.finished), f"{row.generations:,}", f"{row.tokens:.2e}", f"{row.flops:.2e}",
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
    return RoleEstimate(Role.best_of_n, *(sum(getattr(row, name) for row in rows) for name in names))


def _rates(planned: Sequence[PlannedRun]) -> dict[str, Rate]:
    """Measure a pilot for each kind of run."""
    kinds: dict[str, list[PlannedRun]] = {}
    for run in planned:
        kinds.setdefault(_kind(run.config), []).append(run)
    with ProgressBar("pilots", len(kinds), log_seconds=0.0) as bar:
        found = {}
        for number, (kind, runs) in enumerate(kinds.items()):
            bar.show(number, f"{runs[0].recipe.role}")
            found[kind] = _pilot(_typical(runs).config)
    return found


def _typical(runs: Sequence[PlannedRun]) -> PlannedRun:
    """Return the run whose budget is nearest to a pilot's; of several, as with ratios of revisions, the middle one."""
    distance = min(abs(run.recipe.budget - PILOT_BUDGET) for run in runs)
    nearest = [run for run in runs if abs(run.recipe.budget - PILOT_BUDGET) == distance]
    return nearest[len(nearest) // 2]


def _kind(config: RunConfig) -> str:
    """Return what a rate depends on: the generator and the strategy's class; scoring takes little beside sampling."""
    return f"{type(config.strategy).__name__} {config.generator.fingerprint()}"


def _pilot(config: RunConfig) -> Rate:
    """Solve a few problems, and return what they took."""
    budget = config.strategy.largest_spendable(max(PILOT_BUDGET, config.strategy.smallest_spendable()))
    if config.budget is not None and config.budget < budget:
        budget = config.budget
    problems = subset(config.data.read(), PILOT_PROBLEMS, config.data.seed)
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
    work = Rehearsal().count(config, budget)
    count = len(outcomes)
    tokens = decoded / max(work.steps * count, 1)
    return Rate(seconds / (work.new_samples * count), tokens, tokens * per_token, loaded_at - started_at)


def problem_count(planned: Sequence[PlannedRun]) -> int:
    """Return the number of problems of every run."""
    data = planned[0].config.data
    problems: Sequence[Problem] = subset(data.read(), data.limit, data.seed)
    return len(problems)
