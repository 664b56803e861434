"""Figures of runs that exist: where these are on different problems, only those that all of them have are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ttc.errors import UserError
from ttc.figures.recipes import Role
from ttc.runs.finding import Run
from ttc.runs.records import ProblemRecord


@dataclass(frozen=True)
class PartOfRun(Run):
    """The rows of a run that belong to some problems.

    Attributes:
        ids: of the problems.
    """

    ids: frozenset[str] = field(repr=False)

    def read_records(self) -> list[ProblemRecord]:
        return [record for record in super().read_records() if record.id in self.ids]


@dataclass(frozen=True)
class SharedRuns:
    """Runs by role, all on the same problems.

    Attributes:
        note: how many problems were left out; empty where none were.
    """

    runs: Mapping[Role, Sequence[Run]]
    note: str = ""


def on_shared_problems(runs: Mapping[Role, Sequence[Run]]) -> SharedRuns:
    """Leave out the problems that some run does not have.

    Raises:
        UserError: no problem is in all runs, or a run's files do not belong together.
    """
    every = [run for members in runs.values() for run in members]
    ids = [frozenset(record.id for record in run.read_records()) for run in every]
    shared, known = frozenset.intersection(*ids), frozenset.union(*ids)
    if not shared:
        raise UserError("--from: no problem is in all of these runs; give runs on the same problems.")
    if shared == known:
        return SharedRuns(runs)
    parts = {
        role: [
            PartOfRun(run.directory, run.overrides, {**run.summary, "n_problems": len(shared)}, shared)
            for run in members
        ]
        for role, members in runs.items()
    }
    return SharedRuns(parts, f"{len(shared)} of {len(known)} problems are in all runs; the others are left out")
