"""Difficulties that samples tell: the oracle's from gold answers, the predicted from a verifier's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ttc.difficulty.base import Bins, Difficulty
from ttc.difficulty.samples import final_value, mean_value
from ttc.difficulty.table import DifficultyKind, DifficultyTable, check_thresholds, measured_difficulty
from ttc.errors import UserError
from ttc.files import expanded
from ttc.runs.finding import find_runs
from ttc.runs.records import ProblemRecord
from ttc.terminal import printable_line

SHIPPED = Path(__file__).resolve().parent.parent / "pocket" / "pass1.json"


@dataclass
class MeasuredDifficulty(Difficulty):
    """Bins by a value per problem: quintiles, or absolute `thresholds` in falling order.

    `path` is a table that `ttc difficulty` wrote, or the directory of a finished run of independent samples (of a sweep
    over seeds: all are pooled), of which the first `samples` of each problem count (null: all).
    """

    path: str | None = None
    samples: int | None = None
    thresholds: list[float] = field(default_factory=list)

    kind: ClassVar[DifficultyKind]
    hint: ClassVar[str]  # what `path` may be

    def check(self) -> None:
        if self.thresholds:
            check_thresholds(f"difficulty.thresholds={self.thresholds}", self.thresholds)
        if self.samples is not None and self.samples < 1:
            raise UserError(f"difficulty.samples={self.samples}: must be at least 1 per problem; use e.g. 64.")
        if self.path is not None:
            self._table()

    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        """Bin the problems `ids`.

        With a `path`, quintiles are those of its whole table, so that a problem keeps its bin whatever `data.limit` is.
        """
        if self.path is None:
            return self._without_path(ids, own)
        return self._known(ids, self._table())

    def _known(self, ids: Sequence[str], table: DifficultyTable) -> Bins:
        known = {id_: number for id_, number in self._numbers(table).items() if id_ in set(ids)}
        if ids and not known:
            raise UserError(
                f"difficulty.path={self.path} holds none of the {len(ids)} problems "
                f"(its ids look like {_shown(next(iter(table.values)))}, the data's like {_shown(ids[0])}); "
                "give a table or run of the same data."
            )
        missing = len(set(ids)) - len(known)
        notes = [
            *([_cost_note(table)] if table.kind is not DifficultyKind.oracle else []),
            *(
                [f"{missing} of {len(set(ids))} problems are not in difficulty.path={self.path}: quintile unknown"]
                if missing
                else []
            ),
        ]
        return Bins(known, "; ".join(notes) or None, origin_of(table))

    def _numbers(self, table: DifficultyTable) -> dict[str, int]:
        return table.bins(self.thresholds) if self.thresholds else table.quintiles()

    def _without_path(self, ids: Sequence[str], own: Mapping[str, float] | None) -> Bins:
        if own is None:
            return Bins(
                {},
                f"quintiles unknown: this strategy's samples do not tell the {self.kind} difficulty; "
                "add difficulty.path=DIR, a majority or best_of_n run on the same data",
            )
        table = DifficultyTable(self.kind, own)
        return Bins(
            self._numbers(table) if own else {},
            "quintiles come from this run's own samples, which flatters the easy bins; "
            "difficulty.path=DIR of another run makes them independent",
            {"kind": str(self.kind)},
        )

    def _table(self) -> DifficultyTable:
        assert self.path is not None
        if not self.path.strip():
            raise UserError(f"difficulty.path={self.path!r} is empty; {self.hint}")
        place = expanded(self.path)
        if place.is_dir():
            try:
                return measured_difficulty(self.kind, find_runs([place]), self.samples)
            except UserError as error:
                raise UserError(f"difficulty.path={self.path}: {error}") from None
        table = DifficultyTable.load(place)
        if table.kind is not self.kind:
            raise UserError(
                f"difficulty.path={self.path} holds a table of {table.kind} difficulty; use difficulty={table.kind}, "
                f"or give one of {self.kind} difficulty."
            )
        return table


@dataclass
class OracleDifficulty(MeasuredDifficulty):
    """Oracle difficulty: bins of pass@1, measured with the gold answers (Snell et al. 2024, section 3.2)."""

    kind: ClassVar[DifficultyKind] = DifficultyKind.oracle
    hint: ClassVar[str] = "difficulty.path is a JSON table {id: pass@1}, or a majority or best_of_n run."

    def _without_path(self, ids: Sequence[str], own: Mapping[str, float] | None) -> Bins:
        """The pocket's test problems have a table that ships with the package, measured with the pocket generator."""
        shipped = _shipped()
        if shipped is None or not all(id_ in shipped.values for id_ in ids):
            return super()._without_path(ids, own)
        numbers = self._numbers(shipped)
        return Bins({id_: numbers[id_] for id_ in ids}, origin={"kind": str(self.kind)})


@dataclass
class PredictedDifficulty(MeasuredDifficulty):
    """Predicted difficulty: bins of the verifier's mean final value, without gold answers (Snell et al. 2024)."""

    kind: ClassVar[DifficultyKind] = DifficultyKind.predicted
    hint: ClassVar[str] = "difficulty.path is a table of `ttc difficulty`, or the directory of a best_of_n run."

    def own_value(self, record: ProblemRecord) -> float | None:
        return mean_value([*map(final_value, record.candidates)])


def origin_of(table: DifficultyTable) -> dict[str, object]:
    """Return the entries of summary.json about a table: what it is, and what it cost per problem."""
    return {
        "kind": str(table.kind),
        "samples": table.samples,
        "generations": table.generations,
        "flops": table.flops.to_json(),
    }


def _cost_note(table: DifficultyTable) -> str:
    """Say what finding out the difficulty cost: no gold answer was needed, so it can be charged to a method."""
    spent = "an unknown number of" if table.flops.full is None else f"{table.flops.full:.3g}"
    return f"{table.kind} difficulty cost {table.generations:g} generations and {spent} FLOPs (full) per problem"


def _shipped() -> DifficultyTable | None:
    """Return the table of the pocket's test problems; None while the one that ships is being made."""
    return DifficultyTable.load(SHIPPED) if SHIPPED.exists() else None


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)
