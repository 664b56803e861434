"""Finished runs side by side: seeds averaged, intervals over problems, differences paired."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from ttc.analysis.accuracy import outcomes
from ttc.analysis.bootstrap import Interval, interval, over_seeds, paired_difference
from ttc.analysis.chains import attempt_outcomes, has_chains
from ttc.analysis.records import ProblemRecord, read_records
from ttc.errors import UserError

PLAIN_WIDTH = 200  # names must not be cut, however many columns differ
COLUMNS_OF_SUMMARY = ("strategy", "budget", "generator", "prm", "aggregation", "data")
ATTEMPT = re.compile(r"attempt-(\d{1,6})")
_NO_SETTING = ("seed", "hydra.", "store", "grading_", "workers")


@dataclass(frozen=True)
class Run:
    """A finished run: where it lies, what its command line said, and its summary.json."""

    directory: Path
    overrides: Mapping[str, str]
    summary: Mapping[str, Any]

    @cached_property
    def records(self) -> list[ProblemRecord]:
        return read_records(self.directory)

    @property
    def settings(self) -> dict[str, str]:
        """What makes a run another run; its seed does not."""
        told = {key: str(self.summary.get(key)) for key in COLUMNS_OF_SUMMARY if self.summary.get(key) is not None}
        more = {key: value for key, value in self.overrides.items() if not key.startswith(_NO_SETTING)}
        return {**more, **told}


@dataclass(frozen=True)
class Compared:
    """Runs that differ in their seed alone, and what they came to under one selection.

    `difference` is paired, to the reference; `flops` (convention `full`) and `generations` are of one problem.
    """

    settings: Mapping[str, str]
    seeds: int
    selection: str
    accuracy: Interval
    difference: Interval | None
    quintiles: Mapping[int, Interval]
    generations: float
    flops: float | None


def find_runs(paths: Iterable[Path]) -> list[Run]:
    """The finished runs at or below `paths`, in the order given, jobs of a sweep by number.

    Raises:
        UserError: a path without any.
    """
    runs = []
    for path in paths:
        found = sorted(path.rglob("summary.json"), key=_order)
        if not found:
            raise UserError(f"{path} holds no finished run (no summary.json); give run or sweep directories.")
        runs += [Run(f.parent, read_overrides(f.parent), json.loads(f.read_text(encoding="utf-8"))) for f in found]
    return runs


def read_overrides(directory: Path) -> dict[str, str]:
    """What a run's command line said: `{"budget": "4"}`; nothing where Hydra left nothing."""
    from omegaconf import OmegaConf

    file = directory / ".hydra" / "overrides.yaml"
    given = OmegaConf.to_object(OmegaConf.load(file)) if file.is_file() else []
    assert isinstance(given, list)
    # A sweep's jobs have their colons escaped, e.g. strategy.ratio=1\:4; a single run's have not.
    return dict(str(override).replace("\\:", ":").lstrip("+~").partition("=")[::2] for override in given)


def compare(runs: Sequence[Run], *, selections: Sequence[str] = (), reference: int = 0) -> list[Compared]:
    """Group the runs by all but their seed, and compare every group to the one of number `reference`.

    Each of `selections` makes a group of its own; without any, each run's own is taken. `attempt-4` is pass@1 of the
    fourth attempt of a chain.

    Raises:
        UserError: no such selection or reference, or runs on different problems.
    """
    groups: dict[str, dict[int, Run]] = {}
    for run in runs:  # the same run given twice is one run
        groups.setdefault(json.dumps(run.settings, sort_keys=True), {})[run.summary["seed"]] = run
    chosen = [
        ([*group.values()], name)
        for group in groups.values()
        for name in selections or [str(next(iter(group.values())).summary["selection"])]
    ]
    if not 0 <= reference < len(chosen):
        raise UserError(f"--reference {reference}: there are {len(chosen)} rows; give 0 to {len(chosen) - 1}.")
    found = [[_outcomes(run, name) for run in members] for members, name in chosen]
    try:
        return [
            _compared(members, name, mine, None if mine is found[reference] else found[reference])
            for (members, name), mine in zip(chosen, found, strict=True)
        ]
    except ValueError:
        raise UserError("the runs share no problem; compare runs on the same data.") from None


def _compared(
    members: Sequence[Run],
    selection: str,
    mine: Sequence[Mapping[str, float]],
    reference: Sequence[Mapping[str, float]] | None,
) -> Compared:
    per_problem = over_seeds(mine)
    bins = {record.id: record.quintile for record in members[0].records if record.quintile is not None}
    problems = sum(run.summary["n_problems"] for run in members)
    flops = [run.summary["flops"]["full"] for run in members]
    return Compared(
        settings=members[0].settings,
        seeds=len(members),
        selection=selection,
        accuracy=interval(per_problem),
        difference=None if reference is None else paired_difference(mine, reference),
        quintiles={
            quintile: interval({id_: value for id_, value in per_problem.items() if bins.get(id_) == quintile})
            for quintile in sorted({bins[id_] for id_ in per_problem if id_ in bins})
        },
        generations=sum(run.summary["generations"] for run in members) / problems,
        flops=None if None in flops else sum(flops) / problems,
    )


def _outcomes(run: Run, selection: str) -> dict[str, float]:
    attempt = ATTEMPT.fullmatch(selection)
    try:
        return attempt_outcomes(run.records, int(attempt[1])) if attempt else outcomes(run.records, selection)
    except KeyError:
        names = ", ".join(run.summary["selections"])
        if has_chains(run.records):
            names += ", attempt-1 (pass@1 of the first attempt of a chain), attempt-2, .. to the end of its chains"
        raise UserError(f"{run.directory} has no selection {selection}; use one of {names}.") from None


def comparison_table(found: Sequence[Compared]) -> pd.DataFrame:
    """A row a group: the settings in which groups differ, then accuracy, difference, quintiles and cost."""
    keys = dict.fromkeys(key for group in found for key in group.settings)
    differing = [key for key in keys if len({group.settings.get(key) for group in found}) > 1]
    rows = []
    for group in found:
        row: dict[str, Any] = {key: group.settings.get(key, "") for key in differing}
        row |= {"selection": group.selection, "seeds": group.seeds, "n": group.accuracy.n}
        row |= _cells("accuracy", group.accuracy) | _cells("difference", group.difference)
        for quintile, cell in group.quintiles.items():
            row |= _cells(f"quintile_{quintile}", cell)
        rows.append(row | {"generations": group.generations, "flops": group.flops})
    return pd.DataFrame(rows)


def _cells(name: str, cell: Interval | None) -> dict[str, float | None]:
    mean, lo, hi = (None, None, None) if cell is None else (cell.mean, cell.lo, cell.hi)
    return {name: mean, f"{name}_lo": lo, f"{name}_hi": hi}


def show_comparison(found: Sequence[Compared], console: Console | None = None) -> None:
    """Print the groups: accuracy and paired difference with 95% intervals, by quintile, and what a problem cost."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    keys = dict.fromkeys(key for group in found for key in group.settings)
    differing = [key for key in keys if len({group.settings.get(key) for group in found}) > 1]
    quintiles = sorted({quintile for group in found for quintile in group.quintiles})
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("", *differing, "selection", "seeds"):
        grid.add_column(name, no_wrap=True)
    for name in ("accuracy %", "difference", *(f"q{quintile}" for quintile in quintiles), "generations", "FLOPs"):
        grid.add_column(name, justify="right", no_wrap=True)
    for number, group in enumerate(found):
        by_quintile = [group.quintiles.get(quintile) for quintile in quintiles]
        grid.add_row(
            str(number),
            *(group.settings.get(key, "") for key in differing),
            *(group.selection, str(group.seeds)),
            _percent(group.accuracy),
            "reference" if group.difference is None else _percent(group.difference, sign="+"),
            *("" if cell is None else f"{100 * cell.mean:.1f} ±{50 * (cell.hi - cell.lo):.1f}" for cell in by_quintile),
            *(f"{group.generations:.1f}", "unknown" if group.flops is None else f"{group.flops:.3g}"),
        )
    console.print(grid)


def _percent(cell: Interval, sign: str = "") -> str:
    mean, lo, hi = (f"{100 * value:{sign}.1f}" for value in (cell.mean, cell.lo, cell.hi))
    return f"{mean} [{lo}, {hi}]"


def _order(path: Path) -> tuple[str, int, str]:
    """Jobs by number, however many there are."""
    job = path.parent
    return (str(job.parent), int(job.name) if job.name.isdigit() else -1, str(path))
