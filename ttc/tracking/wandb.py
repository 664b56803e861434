"""Weights & Biases; offline, too: `tracker=wandb tracker.mode=offline`, then `wandb sync`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ttc.errors import UserError
from ttc.tracking.base import Session, TrackedRun, TrackedTable, Tracker, numbers_of

if TYPE_CHECKING:
    import wandb


class WandbMode(StrEnum):
    """Whether runs are sent to a server."""

    online = "online"
    offline = "offline"  # written to files


@dataclass
class WandbTracker(Tracker):
    """Reports to Weights & Biases.

    `mode` null is what the environment variable WANDB_MODE says, or online. `directory` null is the run's own.
    """

    project: str = "ttc"
    entity: str | None = None
    name: str | None = None  # of the run; null: its strategy, budget, data and seed
    group: str | None = None
    tags: list[str] = field(default_factory=list)
    mode: WandbMode | None = None
    directory: str | None = None

    package: ClassVar[str] = "wandb"
    client: ClassVar[str] = "wandb"
    option: ClassVar[str] = "wandb"

    def check(self) -> None:
        super().check()
        mode = self.mode or os.environ.get("WANDB_MODE", "online")
        if mode == "online" and not _is_logged_in():
            raise UserError(
                "tracker=wandb: not logged in; run `wandb login`, set WANDB_API_KEY, or use tracker.mode=offline."
            )

    def start(self, run: TrackedRun) -> Session:
        import wandb

        return _WandbSession(
            wandb.init(
                project=self.project,
                entity=self.entity,
                name=self.name or run.name,
                group=self.group,
                tags=[*self.tags],
                mode=None if self.mode is None else self.mode.value,
                dir=self.directory or str(run.directory),
                config=dict(run.config),
                reinit="create_new",  # the jobs of a sweep are runs of their own
                settings=wandb.Settings(silent=True, console="off"),
            )
        )


def _is_logged_in() -> bool:
    """Whether there is a key; wandb would ask for one on the terminal."""
    import wandb

    try:
        wandb.setup(wandb.Settings(silent=True))
        return bool(wandb.login(prompt=False, verify=False))
    except TypeError:  # a version that cannot be asked
        return True


class _WandbSession:
    def __init__(self, run: wandb.Run) -> None:
        self._run = run

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        import wandb

        rows = [list(row) for row in table.rows]
        self._run.log({"accuracy_table": wandb.Table(columns=list(table.columns), data=rows)})
        self._run.summary.update(numbers_of(summary))
        self._run.finish(exit_code=0)

    def abort(self) -> None:
        self._run.finish(exit_code=1)
