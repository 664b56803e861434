"""A menu: the strategies among which to choose at each budget, with what each achieves and costs per problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.curves import ByProblem, Curve, Family, Point
from ttc.cost import FlopsConvention
from ttc.errors import UserError

Floats = NDArray[np.float64]


class MenuKind(StrEnum):
    """Which strategies a menu offers."""

    search = "search"
    revisions = "revisions"
    joint = "joint"


class CostUnit(StrEnum):
    """What a budget is counted in; FLOPs by the convention `full`."""

    generations = "generations"
    flops = "flops"


@dataclass(frozen=True)
class Offer:
    """What a menu offers at one budget.

    Attributes:
        curves: one per option.
        outcomes: (options, problems), accuracy in [0, 1].
        costs: (options, problems) by unit; FLOPs are missing where a run does not know them.
    """

    budget: int
    curves: tuple[Curve, ...]
    outcomes: Floats
    costs: Mapping[CostUnit, Floats]


@dataclass(frozen=True)
class Menu:
    """The options at every budget, over the problems `ids` that all their runs have."""

    ids: tuple[str, ...]
    curves: tuple[Curve, ...]

    @classmethod
    def of(cls, curves: Sequence[Curve], kind: MenuKind | None = None) -> Menu:
        """Make a menu of one kind; by default of whatever there is.

        Raises:
            UserError: nothing of this kind, models that differ within a family, or no common problem.
        """
        wanted = [family for family in Family if kind in (None, MenuKind.joint, MenuKind(family))]
        chosen = tuple(curve for curve in curves if curve.family in wanted)
        missing = [family for family in wanted if family not in {curve.family for curve in chosen}]
        if missing and kind is not None:
            raise UserError(f"--menu {kind}: there are no runs of {missing[0]}; give some, or choose another menu.")
        for family in Family:
            _refuse_different_models([curve for curve in chosen if curve.family is family])
        points = [point for curve in chosen for point in curve.points.values()]
        ids = set(points[0].outcomes).intersection(*(point.outcomes for point in points[1:]))
        if not ids:
            raise UserError("the runs share no problem; give runs on the same data.")
        return cls(tuple(sorted(ids)), tuple(sorted(chosen, key=name_of)))  # nothing depends on the order of the runs

    def restricted(self, ids: Iterable[str]) -> Menu:
        """Return the menu over some of its problems."""
        return Menu(tuple(sorted(set(self.ids).intersection(ids))), self.curves)

    @property
    def budgets(self) -> list[int]:
        """All budgets at which anything is offered."""
        return sorted({budget for curve in self.curves for budget in curve.points})

    @property
    def choosable(self) -> list[int]:
        """The budgets at which there are several strategies to choose among."""
        return [budget for budget in self.budgets if len(self.at(budget).curves) > 1]

    def at(self, budget: int) -> Offer:
        """Return what is offered at a budget.

        Raises:
            KeyError: nothing.
        """
        return self._offers[budget]

    @cached_property
    def _offers(self) -> dict[int, Offer]:
        return {budget: self._offer(budget) for budget in self.budgets}

    def _offer(self, budget: int) -> Offer:
        curves = tuple(curve for curve in self.curves if budget in curve.points)
        points = [curve.points[budget] for curve in curves]
        costs = {CostUnit.generations: self.rows([point.generations for point in points])}
        flops = [flops_of(point) for point in points]
        if all(flops):
            costs[CostUnit.flops] = self.rows(flops)
        return Offer(budget, curves, self.rows([point.outcomes for point in points]), costs)

    def rows(self, by_problem: Sequence[ByProblem]) -> Floats:
        """Return (rows, problems) in the order of `ids`."""
        return np.array([[values[id_] for id_ in self.ids] for values in by_problem], dtype=np.float64)

    def curve(self, label: str) -> Curve:
        """Return the curve of a label, or of a label with its selection, e.g. `best_of_n` or `best_of_n majority`.

        Raises:
            UserError: there is none, or several.
        """
        found = [curve for curve in self.curves if label in (curve.label, name_of(curve))]
        if len(found) != 1:
            names = ", ".join(map(name_of, self.curves))
            which = "several curves" if found else "no curve"
            raise UserError(f"--baseline {label}: names {which}; use one of {names}.")
        return found[0]

    @property
    def default_baseline(self) -> Curve:
        """The curve that the others are compared with: best-of-N, else parallel revisions, else the first."""

        def rank(curve: Curve) -> tuple[bool, bool, bool]:
            parallel = curve.config.get("ratio") == "parallel"
            return curve.label != "best_of_n", curve.selection == "majority", not parallel

        return min(self.curves, key=rank)

    @property
    def quintiles(self) -> dict[str, int]:
        """The bin of each problem as the runs recorded it."""
        known: dict[str, int] = {}
        for curve in self.curves:
            known |= curve.quintiles
        return {id_: known[id_] for id_ in self.ids if id_ in known}


def name_of(curve: Curve) -> str:
    """Return a curve's label with its selection."""
    return f"{curve.label} {curve.selection}"


def flops_of(point: Point) -> ByProblem:
    """Return a point's FLOPs by problem; empty where they are unknown."""
    return point.flops.get(FlopsConvention.full, {})


def _refuse_different_models(curves: Sequence[Curve]) -> None:
    for curve in curves[1:]:
        first = curves[0]
        for what, ours, theirs in (
            ("generators", curve.generator, first.generator),
            ("verifiers", curve.verifier, first.verifier),
        ):
            if ours and theirs and ours.fingerprint != theirs.fingerprint:
                same_name = ours.name == theirs.name
                names = f"{ours.name}, settings differ" if same_name else f"{theirs.name} and {ours.name}"
                raise UserError(
                    f"{first.label} and {curve.label} have different {what} ({names}); give runs of one generator and "
                    "one verifier."
                )
