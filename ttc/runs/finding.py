"""Finished runs at or below a path, single ones and the jobs of sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ttc.errors import UserError
from ttc.runs.directory import SUMMARY, RunDirectory
from ttc.runs.records import ProblemRecord

IDENTIFYING = ("strategy", "budget", "generator", "prm", "aggregation", "data")  # keys of summary.json
_NOT_A_SETTING = ("seed", "hydra.", "store", "grading_", "workers")


@dataclass(frozen=True)
class Run:
    """A finished run: its directory, its overrides, and its summary.json."""

    directory: Path
    overrides: Mapping[str, str]
    summary: Mapping[str, Any]

    @classmethod
    def load(cls, directory: Path) -> Run:
        """Read a run's summary and overrides.

        Raises:
            UserError: the directory holds no finished run.
        """
        files = RunDirectory(directory)
        return cls(directory, files.overrides(), files.summary())

    @cached_property
    def records(self) -> list[ProblemRecord]:
        return RunDirectory(self.directory).records()

    @property
    def settings(self) -> dict[str, str]:
        """What distinguishes this run from others; its seed, store and workers do not."""
        known = {key: str(self.summary[key]) for key in IDENTIFYING if self.summary.get(key) is not None}
        swept = {key: value for key, value in self.overrides.items() if not key.startswith(_NOT_A_SETTING)}
        return {**swept, **known}


def find_runs(paths: Iterable[Path]) -> list[Run]:
    """Return the finished runs at or below `paths`, in the order given, the jobs of a sweep by number.

    Raises:
        UserError: a path without any.
    """
    runs = []
    for path in paths:
        found = sorted(path.rglob(SUMMARY), key=_by_job_number)
        if not found:
            raise UserError(f"{path} holds no finished run (no {SUMMARY}); give run or sweep directories.")
        runs += [Run.load(file.parent) for file in found]
    return runs


def _by_job_number(summary: Path) -> tuple[str, int, str]:
    job = summary.parent
    return (str(job.parent), int(job.name) if job.name.isdigit() else -1, str(summary))
