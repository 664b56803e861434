"""The shards of a run: runs of disjoint parts of one problem set, which differ in nothing but data.shard."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.data.sharding import parsed_shard
from ttc.engines.base import SPEED_SETTINGS
from ttc.errors import UserError
from ttc.runs.directory import by_key
from ttc.runs.finding import Run, find_runs
from ttc.runs.hydra_files import CONFIG, recorded_config, recorded_overrides
from ttc.runs.identity import WHOLE_DIGEST
from ttc.terminal import printable_line

SHARD = "data.shard"
_NO_SETTING = ("store", "tracker", "workers", "grading_workers", "grading_timeout", "hydra")
# Of summary.json: what the config does not say, such as a strategy's class and a checkpoint's weights.
_SAME = ("strategy", "strategy_config", "budget", "seed", "selection", "aggregation", "generator", "prm", "models")
_SAME_TOO = ("data", "grader_config", "n_problems_chosen", "n_problems_available", WHOLE_DIGEST)


@dataclass(frozen=True)
class Shard:
    """A finished run of one part of the problems: number `number` of `count`, from 1."""

    run: Run
    config: Mapping[str, object]
    number: int
    count: int

    @property
    def name(self) -> str:
        """E.g. "2/4"."""
        return f"{self.number}/{self.count}"

    @property
    def place(self) -> Path:
        """The run's directory."""
        return self.run.directory

    @classmethod
    def load(cls, run: Run) -> Shard:
        """Read which shard a run is.

        Raises:
            UserError: it is none, its config is missing or that of another run, or each shard would have a plan.
        """
        place = run.directory
        if "imported" in run.summary:
            raise UserError(
                f"{place} was imported; import the files of all parts at once: ttc import FILE... --out RUN"
            )
        if run.summary.get("plan"):
            raise UserError(
                f"{place} planned its budget (flops= or tokens=), which each shard does for itself; run the shards "
                "with budget=N."
            )
        config = recorded_config(place)
        recorded = by_key(recorded_overrides(place))
        if any("${" not in value and run.overrides.get(key) != value for key, value in recorded.items()):
            raise UserError(
                f"{place / CONFIG} is not of the run that summary.json describes: another one was started there; run "
                "the experiment again."
            )
        spec = _leaves(config).get(SHARD)
        if spec is None:
            raise UserError(
                f"{place} is a run of all its problems ({SHARD} is not set); merge runs of {SHARD}=1/2 and {SHARD}=2/2."
            )
        if (parsed := parsed_shard(str(spec))) is None:
            raise UserError(f"{place / CONFIG}: {SHARD}={printable_line(repr(spec), 40)} is no shard, e.g. 2/4.")
        number, count = parsed
        return cls(run, config, number, count)


def find_shards(paths: Iterable[Path], out: Path) -> list[Shard]:
    """Return the shards at or below some paths, by number; an earlier merged run in `out` does not count.

    Raises:
        UserError: a path without a finished run, one that is given twice, or runs that are no shards of one run.
    """
    found: dict[str, Run] = {}
    for run in find_runs(paths):
        real = os.path.realpath(run.directory)
        if real in found:
            raise UserError(f"{run.directory} is given twice; give each run once.")
        if real != os.path.realpath(out):
            found[real] = run
        elif "merged" not in run.summary:
            raise UserError(f"--out {out} is a run to merge; choose a new directory.")
    if not found:
        raise UserError(f"--out {out} is the only run that was given; give the runs to merge.")
    shards = sorted(map(Shard.load, found.values()), key=lambda shard: shard.number)
    _refuse_differing(shards)
    return shards


def missing_shards(shards: Sequence[Shard]) -> list[str]:
    """Return the names of the shards that are not there."""
    count, there = shards[0].count, {shard.number for shard in shards}
    return [f"{number}/{count}" for number in range(1, count + 1) if number not in there]


def _refuse_differing(shards: Sequence[Shard]) -> None:
    first, *others = shards
    before = first
    for other in others:
        if other.count != first.count:
            raise UserError(
                f"{other.place} is shard {other.name} and {first.place} is shard {first.name}: they are not parts of "
                "one division; run all with the same number of shards."
            )
        if other.number == before.number:
            raise UserError(f"{before.place} and {other.place} are both shard {other.name}; give one of them.")
        before = other
        for (key, value), known in _compared(first, other):
            if value != known:
                raise UserError(
                    f"{other.place}: {key}={_shown(value)}, but {_shown(known)} in {first.place}; merge shards of one "
                    f"run, which differ only in {SHARD}."
                )


def _compared(first: Shard, other: Shard) -> Iterator[tuple[tuple[str, object], object]]:
    """Yield each setting of `other`, and what it is in the first shard."""
    for found, known in ((other.config, first.config), (_facts(other), _facts(first))):
        ours, theirs = _leaves(found), _leaves(known)
        for key in dict.fromkeys((*theirs, *ours)):
            if not _may_differ(key):
                yield (key, ours.get(key, _ABSENT)), theirs.get(key, _ABSENT)


def _facts(shard: Shard) -> dict[str, object]:
    names = [*_SAME, *_SAME_TOO]
    if shard.config.get("budget_table") is not None:
        names.remove("budget")  # the mean over the shard's own problems
    return {name: shard.run.summary.get(name) for name in names}


def _may_differ(key: str) -> bool:
    group, _, setting = key.partition(".")
    if group in _NO_SETTING or key == SHARD:
        return True
    return group in ("generator", "prm") and setting.rpartition(".")[2] in SPEED_SETTINGS


def _leaves(node: object, prefix: str = "") -> dict[str, object]:
    """Return the values of nested mappings and lists by dotted keys."""
    entries: Iterable[tuple[object, object]]
    if isinstance(node, Mapping) and node:
        entries = node.items()
    elif isinstance(node, list) and any(isinstance(item, Mapping) for item in node):
        entries = enumerate(node)
    else:
        return {prefix: node}
    found: dict[str, object] = {}
    for key, value in entries:
        found |= _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    return found


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _shown(value: object) -> str:
    return printable_line(repr(value) if not isinstance(value, str) else value, 60)
