"""What a run tells its tracker: its config, its progress, and its results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ttc.config import RunConfig
from ttc.cost import Tokens
from ttc.execution.progress import NewProgress, Progress
from ttc.execution.runner import Outcome
from ttc.execution.summary import strategy_name
from ttc.grading import AnswerGrader
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.base import Strategy, config_of
from ttc.tracking.base import TrackedRun, TrackedTable
from ttc.tracking.reporter import Reporter

if TYPE_CHECKING:
    import pandas as pd


def reporter_of(config: RunConfig, directory: Path) -> Reporter:
    """Return what reports a run to its tracker, if it has one."""
    spent = config.budget or (config.limit.setting if config.limit else "budget_table")
    name = f"{strategy_name(config.strategy)} {spent} {config.data.name} seed {config.seed}"
    return Reporter(config.tracker, TrackedRun(name, directory, plain_config(config)))


def plain_config(config: RunConfig) -> dict[str, object]:
    """Return a run's config as JSON values, each part with its class; without its tracker."""
    parts = {field.name: _plain(getattr(config, field.name)) for field in fields(config) if field.name != "tracker"}
    found: dict[str, object] = json.loads(json.dumps(parts, default=str))
    return found


def _plain(part: object) -> object:
    if isinstance(part, Strategy):
        return config_of(part)
    if is_dataclass(part) and not isinstance(part, type):
        return {"_target_": f"{type(part).__module__}.{type(part).__qualname__}", **asdict(part)}
    return part


def tracked_table(table: pd.DataFrame, file: Path) -> TrackedTable:
    """Return the table of a run, which is in `file`."""
    rows = [tuple(row) for row in table.astype(object).itertuples(index=False, name=None)]
    return TrackedTable([str(name) for name in table.columns], rows, file)


def tracked(new_progress: NewProgress, reporter: Reporter) -> NewProgress:
    """Return what shows the progress, and reports it too."""

    def new(problems: int, selection: SelectionRule, aggregation: Aggregation, grader: AnswerGrader) -> Progress:
        return _TrackedProgress(new_progress(problems, selection, aggregation, grader), reporter)

    return new


class _TrackedProgress:
    """Passes everything on, and reports the metrics that the shown progress knows, whenever that is due."""

    def __init__(self, shown: Progress, reporter: Reporter) -> None:
        self._shown, self._reporter = shown, reporter

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._shown.__exit__(*exception)

    def add_tokens(self, tokens: Tokens) -> None:
        self._shown.add_tokens(tokens)

    def add_outcome(self, outcome: Outcome) -> None:
        self._shown.add_outcome(outcome)

    def tick(self, decoding_tokens: Callable[[], int]) -> None:
        self._shown.tick(decoding_tokens)
        if self._reporter.is_due:
            self._reporter.log(self.metrics(decoding_tokens()))

    def metrics(self, decoding_tokens: int) -> Mapping[str, float]:
        return self._shown.metrics(decoding_tokens)
