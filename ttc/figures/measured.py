"""What the runs of the figures say: curves by role, and the bins that problems are sorted into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import inf, log2

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.chains import attempt_outcomes
from ttc.analysis.curves import Curve, read_curves
from ttc.analysis.intervals import Interval, intervals, over_seeds
from ttc.analysis.menu import Menu
from ttc.analysis.optimal import Binning, Line, compute_optimal
from ttc.analysis.subsample import SUBSETS, outcomes_at_budgets
from ttc.difficulty.table import DifficultyKind, measured_difficulty
from ttc.errors import UserError
from ttc.figures.recipes import Role
from ttc.runs.finding import Run
from ttc.selection import Aggregation

ByProblem = Mapping[str, float]
Floats = NDArray[np.float64]

MAJORITY, WEIGHTED, HIERARCHICAL = "majority", "weighted", "hierarchical"
_IN_CHAINS = (Role.revisions, Role.no_history, Role.base_prm, Role.rest_em)


class Measured:
    """The finished runs by role. Everything is read when it is first asked for, and kept.

    Attributes:
        runs: by role; a role without runs is missing, or empty.
    """

    def __init__(self, runs: Mapping[Role, Sequence[Run]]) -> None:
        self.runs = {role: list(members) for role, members in runs.items() if members}
        self._curves: dict[Role, list[Curve]] = {}
        self._lines: dict[tuple[str, DifficultyKind], Line] = {}
        self._bins: dict[DifficultyKind, dict[str, int]] = {}

    def has(self, *roles: Role) -> bool:
        """Whether there are runs of all these roles."""
        return all(role in self.runs for role in roles)

    def curves(self, role: Role, selection: str) -> list[Curve]:
        """Return the curves of a role: one per strategy, with several ratios of revisions several."""
        if role not in self._curves:
            selections = [MAJORITY] if role is Role.larger else [MAJORITY, WEIGHTED]
            if role in _IN_CHAINS:
                selections = [MAJORITY, HIERARCHICAL]
            self._curves[role] = read_curves(self.runs[role], selections)
        return [curve for curve in self._curves[role] if curve.selection == selection]

    def curve(self, role: Role, selection: str) -> Curve:
        """Return the one curve of a role.

        Raises:
            UserError: the runs of the role are of several strategies or models.
        """
        found = self.curves(role, selection)
        if len(found) != 1:
            places = ", ".join(sorted({str(run.directory.parent) for run in self.runs[role]})[:3])
            raise UserError(f"the {role} runs in {places} are of {len(found)} kinds; give the runs of one of them.")
        return found[0]

    def by_ratio(self, selection: str, role: Role = Role.revisions) -> dict[int, dict[float, ByProblem]]:
        """Return what revisions achieve, by budget and log2 of the ratio of sequential to parallel, both rising."""
        found: dict[int, dict[float, ByProblem]] = {}
        for curve in self.curves(role, selection):
            for budget, point in curve.points.items():
                found.setdefault(budget, {})[log_ratio(str(curve.config["ratio"]), budget)] = point.outcomes
        return {budget: dict(sorted(found[budget].items())) for budget in sorted(found)}

    def chains(self, selection: str, *, sequential: bool, role: Role = Role.revisions) -> dict[int, ByProblem]:
        """Return what one long chain achieves, or as many chains of one attempt, by budget."""
        found = self.by_ratio(selection, role)
        ends = {budget: log2(budget) if sequential else -log2(budget) for budget in found}
        return {budget: at[ends[budget]] for budget, at in found.items() if ends[budget] in at}

    def bins(self, kind: DifficultyKind = DifficultyKind.oracle) -> dict[str, int]:
        """Return the bin of each problem: as the runs recorded it, or measured from the best-of-N samples.

        Raises:
            UserError: there are no best-of-N runs to measure from.
        """
        if kind not in self._bins:
            recorded = self._recorded_bins() if kind is DifficultyKind.oracle else {}
            if not recorded and Role.best_of_n not in self.runs:
                raise UserError(f"{kind} difficulty needs runs of strategy=best_of_n; give some.")
            self._bins[kind] = recorded or measured_difficulty(kind, self.runs[Role.best_of_n]).quintiles()
        return self._bins[kind]

    def _recorded_bins(self) -> dict[str, int]:
        """Return the recorded bins, if they are of all problems."""
        role = next(role for role in Role if role in self.runs and role is not Role.larger)
        selection = HIERARCHICAL if role in _IN_CHAINS else WEIGHTED
        curve = self.curves(role, selection)[0]
        ids = set().union(*(point.outcomes for point in curve.points.values()))
        return dict(curve.quintiles) if ids <= curve.quintiles.keys() else {}

    def members(self, number: int, kind: DifficultyKind = DifficultyKind.oracle) -> set[str]:
        """Return the problems of a bin."""
        return {id_ for id_, own in self.bins(kind).items() if own == number}

    @cached_property
    def search_menu(self) -> Menu:
        """Best-of-N weighted and beam search with M = 4, among which the paper's compute-optimal search chooses."""
        return Menu.of([self.curve(Role.best_of_n, WEIGHTED), self.curve(Role.beam, WEIGHTED)])

    @cached_property
    def revision_menu(self) -> Menu:
        """All ratios of sequential to parallel revisions."""
        return Menu.of(self.curves(Role.revisions, HIERARCHICAL))

    def optimal(self, which: str, kind: DifficultyKind) -> Line:
        """Return the compute-optimal line of `search` or `revisions`, with bins of a difficulty."""
        if (which, kind) not in self._lines:
            menu = self.search_menu if which == "search" else self.revision_menu
            # At a budget of 1 there is nothing to choose among ratios: the only one is the line's first point.
            self._lines[which, kind] = compute_optimal(menu, Binning(str(kind), self.bins(kind)), budgets=menu.budgets)
        return self._lines[which, kind]

    def optimal_outcomes(self, which: str, kind: DifficultyKind) -> dict[int, dict[str, float]]:
        """Return what the compute-optimal line achieves, by budget and problem."""
        ids = (self.search_menu if which == "search" else self.revision_menu).ids
        points = self.optimal(which, kind).points
        return {budget: dict(zip(ids, points[budget].outcomes.tolist(), strict=True)) for budget in sorted(points)}

    def aggregated(self, aggregation: Aggregation) -> dict[int, ByProblem]:
        """Return best-of-N weighted with another aggregation of the step values, by budget and problem.

        Raises:
            UserError: the runs asked for the last value only.
        """
        by_seed: dict[int, list[ByProblem]] = {}
        for run in self.runs[Role.best_of_n]:
            records = sorted(run.records, key=lambda record: record.id)
            if not run.summary["strategy_config"].get("step_values"):
                raise UserError(f"{run.directory} has no values after every step; add strategy.step_values=true.")
            largest = min(len(record.candidates) for record in records)
            budgets = [2**power for power in range(largest.bit_length()) if 2**power <= largest]
            found = outcomes_at_budgets(
                records, budgets, aggregation=aggregation, subsets=SUBSETS, seed=int(run.summary["seed"])
            )[WEIGHTED]
            for place, budget in enumerate(budgets):
                column = found[:, place].tolist()
                by_seed.setdefault(budget, []).append({r.id: value for r, value in zip(records, column, strict=True)})
        return {budget: over_seeds(outcomes) for budget, outcomes in by_seed.items()}

    def attempts(self, role: Role, length_ratio: float = inf) -> list[ByProblem]:
        """Return pass@1 of the first attempt of a chain, of the second, .., by problem, from the largest such run.

        Args:
            role: revisions of one reviser.
            length_ratio: the length of a chain to the number of chains; inf: one chain.
        """

        def fits(run: Run) -> bool:
            budget = run.summary["budget"]
            return log_ratio(run.summary["strategy_config"]["ratio"], budget) == log2(min(length_ratio, budget))

        runs = [run for run in self.runs[role] if fits(run)]
        largest = max((run.summary["budget"] for run in runs), default=0)
        records = [run.records for run in runs if run.summary["budget"] == largest]
        found: list[ByProblem] = []
        for number in range(1, largest + 1):
            try:
                found.append(over_seeds([attempt_outcomes(own, number) for own in records]))
            except KeyError:
                break
        return found


def log_ratio(ratio: str, budget: int) -> float:
    """Return log2 of sequential : parallel, e.g. 2 for 4:1, log2(budget) for sequential."""
    if ratio in ("sequential", "parallel"):
        return log2(budget) if ratio == "sequential" else -log2(budget)
    length, _, count = ratio.partition(":")
    return log2(Fraction(int(length), int(count)))


def summarized(outcomes: Sequence[ByProblem], within: set[str] | None = None) -> list[Interval]:
    """Return the mean of each with its interval, over the problems that all have; optionally those of a bin.

    All are resampled with the same problems. Without a problem there is nothing to return.
    """
    ids = sorted(set(outcomes[0]).intersection(*outcomes[1:], *([within] if within is not None else [])))
    columns: Floats = np.array([[own[id_] for own in outcomes] for id_ in ids], dtype=np.float64)
    return intervals(columns) if ids else []
