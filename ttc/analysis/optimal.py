"""The compute-optimal strategy: at every budget, the best of a menu for each difficulty bin (Snell et al. 2024).

theta*(q, N) = argmax over strategies of the expected accuracy on q at budget N, approximated per bin of difficulty. The
strategy of a bin is chosen on other problems than those it is measured on: by two-fold cross-validation inside each bin
(the arXiv version), or on held-out problems (the ICLR version).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ttc.analysis.cross_validation import SPLITS, Floats, Ints, best_option, cross_validated_choices, measured
from ttc.analysis.menu import CostUnit, Menu, Offer, name_of
from ttc.errors import UserError


@dataclass(frozen=True)
class Binning:
    """Problems sorted into bins, and what finding out their bins costs per problem.

    Attributes:
        bins: (1 easiest) by problem id.
        probing: cost per problem and unit that is charged to every budget; empty: none is.
    """

    name: str
    bins: Mapping[str, int]
    probing: Mapping[CostUnit, float] = field(default_factory=dict)

    def of(self, ids: Sequence[str]) -> Ints:
        """Return the bins of some problems.

        Raises:
            UserError: a problem has none.
        """
        missing = [id_ for id_ in ids if id_ not in self.bins]
        if missing:
            raise UserError(
                f"{self.name} difficulty: {len(missing)} of {len(ids)} problems have no bin, the first is "
                f"{missing[0]!r:.60}; give a table or run of the same data."
            )
        return np.array([self.bins[id_] for id_ in ids], dtype=np.int64)


@dataclass(frozen=True)
class LinePoint:
    """What a way to spend a budget achieves and costs: (problems,), in the order of the menu's ids."""

    outcomes: Floats
    costs: Mapping[CostUnit, Floats]


@dataclass(frozen=True)
class Line:
    """A way to spend budgets: a single strategy, the compute-optimal one, or a bound; points by budget."""

    name: str
    points: Mapping[int, LinePoint]


@dataclass(frozen=True)
class HeldOut:
    """Where choices are made instead of by cross-validation: on other problems, sorted into bins of their own."""

    menu: Menu
    binning: Binning


def compute_optimal(
    menu: Menu,
    binning: Binning,
    *,
    held_out: HeldOut | None = None,
    budgets: Sequence[int] | None = None,
    splits: int = SPLITS,
    seed: int = 0,
) -> Line:
    """Return the compute-optimal strategy's line: in each bin the option that is best on other problems.

    It has a point at each of `budgets`, by default those at which there are several options.

    Raises:
        UserError: a problem without a bin, a bin with too few problems, or held-out runs that lack the menu's options.
    """
    bins = binning.of(menu.ids)
    points = {}
    for budget in menu.choosable if budgets is None else budgets:
        offer = menu.at(budget)
        if held_out is None:
            choices = cross_validated_choices(offer.outcomes, bins, splits=splits, seed=seed)
        else:
            choices = _held_out_choices(offer, bins, held_out)[None]
        points[budget] = _point(offer, choices, binning.probing)
    return Line(f"compute-optimal, {binning.name}", points)


def best_single(menu: Menu, *, splits: int = SPLITS, seed: int = 0) -> Line:
    """Return the line of one strategy for all problems, cross-validated like the compute-optimal one."""
    everything = Binning("no", dict.fromkeys(menu.ids, 1))
    line = compute_optimal(menu, everything, splits=splits, seed=seed)
    return Line("best single strategy", line.points)


def best_per_problem(menu: Menu) -> Line:
    """Return the bound that no choice can pass: for each problem the option that turned out best on itself."""
    points = {}
    for budget in menu.choosable:
        offer = menu.at(budget)
        points[budget] = _point(offer, offer.outcomes.argmax(axis=0)[None], {})
    return Line("best per problem (bound)", points)


def single_lines(menu: Menu) -> list[Line]:
    """Return the line of every strategy on the menu."""
    lines: dict[str, dict[int, LinePoint]] = {name_of(curve): {} for curve in menu.curves}
    for budget in menu.budgets:
        offer = menu.at(budget)
        for place, curve in enumerate(offer.curves):
            everyone = np.full((1, len(menu.ids)), place)
            lines[name_of(curve)][budget] = _point(offer, everyone, {})
    return [Line(name, points) for name, points in lines.items()]


@dataclass(frozen=True)
class BinChoice:
    """What a bin's problems are best solved by, chosen on all of them.

    Attributes:
        option: its place in the offer.
        name: its label and selection.
        share: of the cross-validation's choices that agree.
    """

    option: int
    name: str
    share: float


def choices_by_bin(
    menu: Menu, binning: Binning, *, splits: int = SPLITS, seed: int = 0
) -> dict[int, dict[int, BinChoice]]:
    """Return the choice of every bin at every budget at which there is one: {budget: {bin: choice}}."""
    bins = binning.of(menu.ids)
    table: dict[int, dict[int, BinChoice]] = {}
    for budget in menu.choosable:
        offer = menu.at(budget)
        choices = cross_validated_choices(offer.outcomes, bins, splits=splits, seed=seed)
        table[budget] = {}
        for number in map(int, np.unique(bins)):
            members = bins == number
            option = best_option(offer.outcomes[:, members], offer.outcomes.sum(axis=1))
            share = float((choices[:, members] == option).mean())
            table[budget][number] = BinChoice(option, name_of(offer.curves[option]), share)
    return table


def _point(offer: Offer, choices: Ints, probing: Mapping[CostUnit, float]) -> LinePoint:
    costs = {unit: measured(values, choices) + probing.get(unit, 0.0) for unit, values in offer.costs.items()}
    return LinePoint(measured(offer.outcomes, choices), costs)


def _held_out_choices(offer: Offer, bins: Ints, held_out: HeldOut) -> Ints:
    """Return each problem's option, (problems,): the best of its bin among the held-out problems."""
    if offer.budget not in held_out.menu.budgets:
        raise UserError(f"the held-out runs have no budget of {offer.budget}; add runs, or leave it out.")
    theirs = held_out.menu.at(offer.budget)
    rows = []
    for curve in offer.curves:
        same = [
            place
            for place, other in enumerate(theirs.curves)
            if (other.config, other.selection) == (curve.config, curve.selection)
        ]
        if not same:
            raise UserError(
                f"the held-out runs have no {name_of(curve)} at budget {offer.budget}; run the same strategies on them."
            )
        rows.append(theirs.outcomes[same[0]])
    outcomes, their_bins = np.array(rows), held_out.binning.of(held_out.menu.ids)
    choices = np.zeros(len(bins), dtype=np.int64)
    for number in np.unique(bins):
        members = their_bins == number
        if not members.any():
            raise UserError(f"no held-out problem is in bin {number}; give more of them, or other thresholds.")
        choices[bins == number] = best_option(outcomes[:, members], outcomes.sum(axis=1))
    return choices
