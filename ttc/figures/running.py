"""Runs what figures need, in one process, under one progress display; what exists already is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ttc.app.composing import compose_run
from ttc.config import RunConfig
from ttc.cost import Tokens
from ttc.errors import UserError
from ttc.execution.identity import identity_of
from ttc.execution.runner import Outcome
from ttc.figures.recipes import Recipe, Role
from ttc.progress_bar import ProgressBar
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.runs.holding import hold
from ttc.runs.identity import refuse_other_run


@dataclass(frozen=True)
class PlannedRun:
    """A run with its config and its directory."""

    recipe: Recipe
    config: RunConfig
    directory: Path

    @property
    def is_finished(self) -> bool:
        """Whether the directory holds this very run, finished."""
        try:
            summary = RunDirectory(self.directory).summary()
        except UserError:
            return False
        return summary.get("settings_digest") == identity_of(self.config).digest

    def load(self) -> Run:
        """Read the finished run."""
        return Run.load(self.directory)


def plan_runs(recipes: Sequence[Recipe], directory: Path) -> list[PlannedRun]:
    """Compose and check every run before the first one starts.

    Raises:
        UserError: settings that no run can have, or a directory that holds another run.
    """
    planned = []
    composed: dict[tuple[str, ...], RunConfig] = {}  # composing takes 0.1 s, and runs differ mostly in these two
    for recipe in recipes:
        others = tuple(o for o in recipe.overrides if not o.startswith(("budget=", "seed=")))
        if others not in composed:
            composed[others] = compose_run(others)
        config = replace(composed[others], budget=recipe.budget, seed=recipe.seed)
        run = PlannedRun(recipe, config, directory / recipe.name)
        run.config.check()
        refuse_other_run(RunDirectory(run.directory), identity_of(run.config, recipe.overrides), "--out")
        planned.append(run)
    return planned


def execute_runs(planned: Sequence[PlannedRun], weights: Mapping[str, float]) -> dict[Role, list[Run]]:
    """Run what is not finished; return all runs by role.

    Args:
        planned: in the order in which they are run.
        weights: the expected work of each run, by name, for the progress display.

    Raises:
        UserError: a run that cannot start.
        RunError: a run that had to stop.
    """
    from ttc.execution.experiment import execute

    missing = [run for run in planned if not run.is_finished]
    if missing:
        total = sum(weights[run.recipe.name] for run in missing)
        with _Work(len(missing), total) as work:
            for run in missing:
                work.begin(run.recipe.name, weights[run.recipe.name])
                with hold(run.directory):
                    execute(run.config, run.directory, run.recipe.overrides, work.part)
                work.end()
    found: dict[Role, list[Run]] = {}
    for run in planned:
        found.setdefault(run.recipe.role, []).append(run.load())
    return found


class _Work:
    """One progress bar over many runs, each weighted by its expected work."""

    def __init__(self, runs: int, total: float) -> None:
        self._bar = ProgressBar("figures", max(round(total), 1))
        self._runs, self._done, self._number = runs, 0.0, 0
        self._name, self._weight = "", 0.0

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)

    def begin(self, name: str, weight: float) -> None:
        """Start the next run."""
        self._number += 1
        self._name, self._weight = name, weight

    def end(self) -> None:
        """Count the run as done."""
        self._done += self._weight
        self._bar.show(round(self._done), f"run {self._number} of {self._runs}, {self._name}: done")

    def part(self, problems: int, *selection: object) -> _RunPart:
        """Return the progress of the run that is going on."""
        return _RunPart(problems, self._show, lambda: self._bar.is_due)

    def _show(self, share: float, status: str) -> None:
        self._bar.show(
            round(self._done + share * self._weight), f"run {self._number} of {self._runs}, {self._name}, {status}"
        )


class _RunPart:
    """Counts the problems and tokens of one run."""

    def __init__(self, problems: int, show: Callable[[float, str], None], is_due: Callable[[], bool]) -> None:
        self._problems, self._show, self._is_due = problems, show, is_due
        self._solved = self._decoded = 0
        self._started_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def add_tokens(self, tokens: Tokens) -> None:
        self._decoded += tokens.decoded

    def add_outcome(self, outcome: Outcome) -> None:
        self._solved += 1

    def tick(self, decoding_tokens: Callable[[], int]) -> None:
        if self._is_due():
            speed = self.metrics(decoding_tokens())["tokens_per_second"]
            self._show(
                self._solved / self._problems, f"{self._solved}/{self._problems} problems, {speed:,.0f} tokens/s"
            )

    def metrics(self, decoding_tokens: int) -> Mapping[str, float]:
        speed = (self._decoded + decoding_tokens) / (time.monotonic() - self._started_at)
        return {"problems": self._solved, "tokens_per_second": speed}
