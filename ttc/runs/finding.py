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
_NUMBER = (int, float)
_NEEDED: Mapping[str, tuple[type, ...]] = {
    **{"seed": (int,), "strategy": (str,), "budget": (int,), "selection": (str,), "selections": (dict,)},
    "generations": _NUMBER,
    **dict.fromkeys(("flops.paper", "flops.full"), (*_NUMBER, type(None))),
}
_NOT_A_SETTING = ("seed", "hydra.", "store", "tracker", "grading_", "workers")


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
        summary = files.summary()
        return cls(directory, files.overrides(summary), summary)

    @cached_property
    def records(self) -> list[ProblemRecord]:
        """The rows of problems.jsonl; raises UserError where they do not belong to the summary."""
        return self.read_records()

    def read_records(self) -> list[ProblemRecord]:
        """Read the rows of problems.jsonl without keeping them: those of a whole sweep may fill the memory.

        Raises:
            UserError: there are none, or they do not belong to the summary.
        """
        files = RunDirectory(self.directory)
        files.refuse_mixture(self.summary)
        if not (records := files.records()):
            raise UserError(f"{files.problems_file} has no rows; run the experiment again.")
        return records

    def require_complete(self) -> None:
        """Refuse a summary that lacks what comparisons and tables of several runs read.

        Raises:
            UserError: naming the first entry that is missing or of another type.
        """
        for name, kinds in _NEEDED.items():
            outer, _, inner = name.partition(".")
            value = self.summary.get(outer)
            value = value.get(inner, "") if inner and isinstance(value, dict) else value
            if type(value) not in kinds:
                raise UserError(
                    f"{RunDirectory(self.directory).summary_file}: {name}={value!r:.80} is not what a run writes; "
                    "run the experiment again."
                )

    @property
    def settings(self) -> dict[str, str]:
        """What distinguishes this run from others; its seed, store and workers do not."""
        known = {key: str(self.summary[key]) for key in IDENTIFYING if self.summary.get(key) is not None}
        swept = {key: value for key, value in self.overrides.items() if not key.startswith(_NOT_A_SETTING)}
        if isinstance(plan := self.summary.get("plan"), dict):
            # The limit is the setting: the budget that it buys may differ between seeds, and be equal for two limits.
            del known["budget"]
            known[str(plan.get("unit"))] = f"{plan.get('limit'):g}"
            known["flops_convention"] = str(plan.get("convention"))
        return {**swept, **known}


def find_runs(paths: Iterable[Path]) -> list[Run]:
    """Return the finished runs at or below `paths`, in the order given, the jobs of a sweep by number.

    Raises:
        UserError: a path without any, or with one whose summary is damaged.
    """
    runs = []
    for path in paths:
        found = _summaries(path)
        if not found:
            raise UserError(f"{path} holds no finished run (no {SUMMARY}); give run or sweep directories.")
        runs += [Run.load(file.parent) for file in found]
    for run in runs:
        run.require_complete()
    return runs


def _summaries(path: Path) -> list[Path]:
    try:
        return sorted(path.rglob(SUMMARY), key=_by_job_number)
    except (OSError, ValueError) as error:  # a directory that cannot be read, a name too long, a NUL
        raise UserError(f"{path} cannot be searched ({error}); give run or sweep directories.") from None


def _by_job_number(summary: Path) -> tuple[str, int, str]:
    job = summary.parent
    return (str(job.parent), int(job.name) if job.name.isdecimal() and len(job.name) < 19 else -1, str(summary))
