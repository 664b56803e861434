"""`ttc scale`: test-time compute of a small model against a larger one (Snell et al. 2024, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.curves import read_curves
from ttc.analysis.flops_match import Formula, matched_factor
from ttc.analysis.interpolation import Reading, read_at
from ttc.analysis.menu import Menu
from ttc.analysis.optimal import Binning, Line, compute_optimal, single_lines
from ttc.analysis.scaling_sides import (
    LargeModel,
    TokenCount,
    large_model,
    length_ratio,
    one_generator,
    refuse_other_golds,
    shared_problems,
    size_ratio,
    tokens_per_generation,
)
from ttc.difficulty.table import BINS, DifficultyTable
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ScaleSettings:
    """What `ttc scale` is asked.

    Attributes:
        r: tokens decoded over tokens pretrained on; none: the formula's.
        formula: of the arXiv or the ICLR version.
        size_ratio: M; None: from the parameters that the runs recorded.
        tokens: how long generations are.
        selections: of the small runs; none: each run's own.
        difficulty: a table to sort the problems by; None: the bins that the small runs recorded.
    """

    r: Sequence[float] = ()
    formula: Formula = Formula.arxiv
    size_ratio: float | None = None
    tokens: TokenCount = TokenCount.equal
    selections: Sequence[str] = ()
    difficulty: Path | None = None

    def check(self) -> None:
        """Refuse impossible numbers; raises UserError."""
        for r in self.ratios:
            matched_factor(2.0 if self.size_ratio is None else self.size_ratio, r)

    @property
    def ratios(self) -> list[float]:
        """All R, each once."""
        return [*dict.fromkeys(self.r or self.formula.ratios)]


@dataclass(frozen=True)
class Match:
    """The small model at the budget that takes the FLOPs of the larger one."""

    r: float
    reading: Reading


@dataclass(frozen=True)
class Scaling:
    """What `ttc scale` shows.

    Attributes:
        small: the small model's name and size.
        large: the larger model's.
        size_ratio: M.
        ids: of the problems that both solved.
        bins: (1 easiest) of those problems, (problems,); None: they are not known.
        binning: which difficulty they are of.
        outcomes: of the larger model, (problems,).
        matches: by the name of the small model's line, the compute-optimal one first: one match per R.
        notes: for the reader.
    """

    small: ModelId
    large: ModelId
    size_ratio: float
    ids: Sequence[str]
    bins: Ints | None
    binning: str
    outcomes: Floats
    matches: Mapping[str, Sequence[Match]]
    notes: Sequence[str] = ()


def scale(
    small: Sequence[Run],
    large: Sequence[Run],
    settings: ScaleSettings,
    *,
    on_run: Callable[[Run], None] = lambda run: None,
) -> Scaling:
    """Compare every strategy of a small model with a larger model at equal FLOPs, for each R.

    Raises:
        UserError: runs that do not fit together, or no matched budget within the measured ones.
    """
    settings.check()
    read: list[Run] = []

    def note_run(run: Run) -> None:
        read.append(run)
        on_run(run)

    curves = read_curves(small, settings.selections, on_run=note_run)
    model = one_generator(curves)
    against = large_model(large, on_run)
    ratio = size_ratio(model, against.model, settings.size_ratio)
    menu = shared_problems(Menu.of(curves), against)
    refuse_other_golds(min(read, key=lambda run: int(run.summary["budget"])), large[0])
    bins, bin_notes = _bins(menu, settings.difficulty)
    lines, line_notes = _lines(menu, bins)
    generations = against.generations * length_ratio(small, large, settings.tokens)
    budgets = {r: generations * matched_factor(ratio, r, settings.formula) for r in settings.ratios}
    matches = {line.name: [Match(r, _read(line, budget)) for r, budget in budgets.items()] for line in lines}
    _refuse_all_unmeasured(matches)
    return Scaling(
        model,
        against.model,
        ratio,
        menu.ids,
        None if bins is None else bins.of(menu.ids),
        "" if bins is None else bins.name,
        menu.rows([against.outcomes])[0],
        matches,
        [*_notes(menu, small, large, against, settings), *bin_notes, *line_notes],
    )


def _bins(menu: Menu, table: Path | None) -> tuple[Binning | None, list[str]]:
    """Return the bins, and notes on them; None where there are none."""
    notes = []
    if table is None:
        found = Binning("recorded", menu.quintiles)
        if not found.bins:
            return None, ["no bins: the small runs recorded none; give --difficulty TABLE"]
        differing = {id_ for curve in menu.curves for id_, n in curve.quintiles.items() if found.bins.get(id_, n) != n}
        if differing:
            notes = [f"the small runs recorded different bins of {len(differing)} problems; the last strategy's count"]
    else:
        loaded = DifficultyTable.load(table.expanduser())
        found = Binning(str(loaded.kind), loaded.quintiles())
    for number in sorted({*range(1, BINS + 1)} - {*found.of(menu.ids).tolist()}):
        raise UserError(
            f"bin {number} of {found.name} difficulty holds none of the {len(menu.ids)} problems; give runs on more of "
            "them, or another --difficulty TABLE."
        )
    return found, notes


def _lines(menu: Menu, bins: Binning | None) -> tuple[list[Line], list[str]]:
    """Return the compute-optimal line, where there is a choice, and one line per strategy; and notes."""
    singles = single_lines(menu)
    if bins is None or not menu.choosable:
        return singles, []
    try:
        return [compute_optimal(menu, bins, budgets=menu.budgets), *singles], []
    except UserError as error:
        return singles, [f"no compute-optimal line: {error}"]


def _read(line: Line, budget: float) -> Reading:
    measured = sorted(line.points)
    return read_at(measured, np.array([line.points[n].outcomes for n in measured]), budget)


def _refuse_all_unmeasured(matches: Mapping[str, Sequence[Match]]) -> None:
    readings = [match.reading for line in matches.values() for match in line]
    if any(reading.is_measured for reading in readings):
        return
    wanted = sorted({reading.budget for reading in readings})
    measured = sorted({reading.low for reading in readings})
    shown = ", ".join(f"{budget:.4g}" for budget in wanted)
    raise UserError(
        f"no matched budget ({shown}) is within the measured ones (the nearest: {', '.join(map(str, measured))}); give "
        "small runs of such budgets, or another --r."
    )


def _notes(
    menu: Menu, small: Sequence[Run], large: Sequence[Run], against: LargeModel, settings: ScaleSettings
) -> Iterator[str]:
    problems = max(int(run.summary.get("n_problems", 0)) for run in [*small, *large])
    if problems > len(menu.ids):
        yield f"{len(menu.ids)} of {problems} problems are in all runs; the others are left out"
    if against.generations != 1:
        yield f"--large spends {against.generations:.4g} generations per problem, which multiply the matched budgets"
    elif not all(_is_greedy(run) for run in large):
        yield "--large: its command line does not set generator.temperature=0; the paper's large model is greedy"
    if settings.tokens is TokenCount.measured:
        lengths = [tokens_per_generation(runs) for runs in (small, large)]
        yield f"a generation has {lengths[0]:.1f} tokens in the small runs, {lengths[1]:.1f} in --large"


def _is_greedy(run: Run) -> bool:
    """Whether the run's command line asks for greedy decoding."""
    try:
        return float(run.overrides.get("generator.temperature", "nan")) == 0
    except ValueError:
        return False
