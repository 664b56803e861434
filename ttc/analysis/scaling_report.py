"""The tables of `ttc scale`: the paper's figure 9 and, as relative changes, its figure 1 (right)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.formats import Cell, Column, ReportTable, Unit
from ttc.analysis.interpolation import Reading
from ttc.analysis.intervals import DIFFERENCES, SHARES, Interval, intervals
from ttc.analysis.scaling import Match, Scaling
from ttc.analysis.significance import holm, sign_flip_p_value
from ttc.models import ModelId

_PAPER_NAMES = {2: "2 easy", 3: "3 medium", 4: "4 hard"}  # as figure 1 (right) calls them

_COLUMNS = (
    Column("R", csv_only=True),
    Column("strategy"),
    Column("bin"),
    Column("n", Unit.count),
    Column("matched budget", csv_only=True),
    Column("read at"),
    Column("small", Unit.percent),
    Column("large", Unit.percent),
    Column("small - large", Unit.points),
    Column("relative, %", Unit.points),
    Column("p (Holm)", Unit.p_value),
    Column("winner"),
)


@dataclass(frozen=True)
class ScaleRow:
    """One way to use the small model against the larger one, on all problems (bin None) or on those of one bin.

    Attributes:
        difference: small minus large, paired.
        p_holm: of the difference, adjusted for all rows.
    """

    strategy: str
    r: float
    bin: int | None
    reading: Reading
    small: Interval
    large: Interval
    difference: Interval
    p_holm: float

    @property
    def relative(self) -> float | None:
        """The difference as a share of the larger model's accuracy; None where that is 0."""
        return self.difference.mean / self.large.mean if self.large.mean > 0 else None

    @property
    def winner(self) -> str:
        """Which model is better: small or large where the interval of the difference excludes 0, else tie."""
        return "small" if self.difference.lo > 0 else "large" if self.difference.hi < 0 else "tie"


def scaling_tables(found: Scaling) -> list[ReportTable]:
    """Return one table per R, the compute-optimal line first, and one of all relative changes."""
    rows = scale_rows(found)
    tables: list[ReportTable] = []
    for r in dict.fromkeys(row.r for row in rows):
        chosen = [row for row in rows if row.r == r]
        budget = f"{chosen[0].reading.budget:,.4g} generations of the small model for the large model's FLOPs"
        notes = [*_unmeasured(chosen), *([] if tables else _notes(found))]
        tables.append(ReportTable(_COLUMNS, [_cells(row) for row in chosen], f"R = {r:g}: {budget}", notes))
    return [*tables, _relative_changes(rows)]


def scale_rows(found: Scaling) -> list[ScaleRow]:
    """Return the comparisons by R, then strategy, then bin."""
    groups = [*_groups(found)]
    compared = [
        (strategy, match, number, members)
        for place in range(len(next(iter(found.matches.values()))))
        for strategy, match in ((name, matches[place]) for name, matches in found.matches.items())
        for number, members in groups
    ]
    p_values = [
        sign_flip_p_value((match.reading.outcomes - found.outcomes)[members]) for _, match, _, members in compared
    ]
    return [
        _row(strategy, match, number, members, found, p_holm)
        for (strategy, match, number, members), p_holm in zip(compared, holm(p_values), strict=True)
    ]


def _groups(found: Scaling) -> Iterator[tuple[int | None, NDArray[np.bool_]]]:
    """Yield all problems, and those of each bin; (problems,)."""
    yield None, np.ones(len(found.ids), dtype=np.bool_)
    if found.bins is not None:
        for number in np.unique(found.bins):
            yield int(number), found.bins == number


def _row(
    strategy: str, match: Match, number: int | None, members: NDArray[np.bool_], found: Scaling, p_holm: float
) -> ScaleRow:
    small, large = match.reading.outcomes[members], found.outcomes[members]
    ours, theirs = intervals(np.column_stack([small, large]), bounds=SHARES)
    [difference] = intervals((small - large)[:, None], bounds=DIFFERENCES)
    return ScaleRow(strategy, match.r, number, match.reading, ours, theirs, difference, p_holm)


def _cells(row: ScaleRow) -> Sequence[Cell]:
    return (
        *(row.r, row.strategy, _name(row.bin), row.small.n, float(row.reading.budget), read_at_text(row.reading)),
        *(row.small, row.large, row.difference, row.relative, row.p_holm, row.winner),
    )


def read_at_text(reading: Reading) -> str:
    """Return the measured budgets that a reading comes from; `!` marks one outside of the measured range."""
    if not reading.is_measured:
        return f"! {reading.low}"
    return f"{reading.low}" if reading.low == reading.high else f"{reading.low} to {reading.high}"


def _relative_changes(rows: Sequence[ScaleRow]) -> ReportTable:
    bins = [*dict.fromkeys(row.bin for row in rows)]
    changes: dict[tuple[str, float], dict[int | None, float | None]] = {}
    marks: dict[tuple[str, float], str] = {}
    for row in rows:
        changes.setdefault((row.strategy, row.r), {})[row.bin] = row.relative
        marks[row.strategy, row.r] = read_at_text(row.reading)
    cells: list[Sequence[Cell]] = [(*key, marks[key], *by_bin.values()) for key, by_bin in changes.items()]
    columns = [
        Column("strategy"),
        Column("R"),
        Column("read at"),
        *(Column(_name(number), Unit.points) for number in bins),
    ]
    unsolved = [n for n in bins if any(by_bin[n] is None for by_bin in changes.values())]
    notes = [f"empty: the large model solves no problem of bin {n}" for n in unsolved]
    return ReportTable(columns, cells, "relative change, (small - large) / large in %, by bin", notes)


def _unmeasured(rows: Sequence[ScaleRow]) -> Iterator[str]:
    """Yield for each strategy what `!` means: its matched budget was not measured."""
    for row in rows:
        reading = row.reading
        if row.bin is not None or reading.is_measured:
            continue
        measured, fewer = (f"up to {reading.high}", "fewer") if reading.is_beyond else (f"from {reading.low}", "more")
        yield (
            f"! {row.strategy}: measured {measured}; the matched budget is {reading.budget:,.4g}, so the small model "
            f"gets {fewer} generations here than it may have"
        )


def _notes(found: Scaling) -> Iterator[str]:
    yield f"M = {found.size_ratio:.4g}: {_model(found.large)} against {_model(found.small)}; {len(found.ids)} problems"
    yield "read at: between measured budgets each problem's result is linear in log2(budget); nothing is extrapolated"
    if found.bins is not None:
        yield f"bins: {found.binning} difficulty, 1 easiest; easy, medium and hard as in the paper's figure 1"
    yield "winner: where the 95% interval of the paired difference excludes 0"
    yield "p (Holm): of the difference, by sign flips over problems, adjusted for all rows of all R"
    yield from found.notes


def _model(model: ModelId) -> str:
    size = "size unknown" if model.parameters is None else f"{model.parameters:,} parameters"
    return f"{model.name} ({size})"


def _name(number: int | None) -> str:
    return "all" if number is None else _PAPER_NAMES.get(number, str(number))
