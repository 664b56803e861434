"""The data of the figures about revisions: 6, 7, 8, 10, 11, 15 and 16."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import pandas as pd

from ttc.difficulty.table import BINS, DifficultyKind
from ttc.figures.measured import HIERARCHICAL, MAJORITY, ByProblem, Measured
from ttc.figures.recipes import Role
from ttc.figures.search_tables import ORACLE, PREDICTED
from ttc.figures.tables import Points

RATIO_BUDGETS = (4, 16, 64, 128, 256)
BIN_BUDGET = 128  # at which ratios are compared by bin; the largest that was run, if that is less


def chain_accuracy(measured: Measured) -> pd.DataFrame:
    """Figure 6 left: pass@1 of each attempt of a chain; over one long chain, and over several shorter ones."""
    points = Points()
    for name, ratio in (("one chain", inf), ("several chains", 4.0)):
        points.add("", name, dict(enumerate(measured.attempts(Role.revisions, ratio), start=1)))
    return points.table()


def sequential_and_parallel(measured: Measured) -> pd.DataFrame:
    """Figure 6 right: one chain against independent samples, by verifier and by majority."""
    points = Points()
    for selection, judge in ((HIERARCHICAL, "verifier"), (MAJORITY, "majority")):
        for name, sequential in (("sequential", True), ("parallel", False)):
            points.add("", f"{name}, {judge}", measured.chains(selection, sequential=sequential))
    return points.table()


def by_ratio(measured: Measured, selection: str = HIERARCHICAL, role: Role = Role.revisions) -> pd.DataFrame:
    """Figure 7 left: accuracy over log2 of the ratio of sequential to parallel, a line per budget."""
    points = Points()
    for budget, at_ratios in measured.by_ratio(selection, role).items():
        if budget in RATIO_BUDGETS:
            points.add("", f"N = {budget}", at_ratios)
    return points.table()


def by_ratio_and_bin(
    measured: Measured, selection: str = HIERARCHICAL, kind: DifficultyKind = DifficultyKind.oracle
) -> pd.DataFrame:
    """Figure 7 right: the same at one budget, a line per bin."""
    points = Points()
    budget = bin_budget(measured)
    outcomes = measured.by_ratio(selection)[budget]
    for number in range(1, BINS + 1):
        points.add(f"N = {budget}", f"bin {number}", outcomes, measured.members(number, kind))
    return points.table()


def bin_budget(measured: Measured) -> int:
    """Return the budget at which bins are compared."""
    budgets = [*measured.by_ratio(HIERARCHICAL)]
    return max((budget for budget in budgets if budget <= BIN_BUDGET), default=min(budgets))


def by_ratio_with_majority(measured: Measured) -> pd.DataFrame:
    """Figure 10: figure 7, by majority instead of the verifier."""
    left = by_ratio(measured, MAJORITY).assign(panel="all problems")
    return pd.concat([left, by_ratio_and_bin(measured, MAJORITY)], ignore_index=True)


def by_ratio_and_predicted_bin(measured: Measured) -> pd.DataFrame:
    """Figure 11: figure 7 right with bins of predicted difficulty."""
    return by_ratio_and_bin(measured, kind=DifficultyKind.predicted)


def optimal_revisions(measured: Measured) -> pd.DataFrame:
    """Figure 8: the compute-optimal ratio against parallel best-of-N weighted."""
    points = Points()
    points.add("", ORACLE, measured.optimal_outcomes("revisions", DifficultyKind.oracle))
    if measured.has(Role.best_of_n):
        points.add("", PREDICTED, measured.optimal_outcomes("revisions", DifficultyKind.predicted))
    points.add("", "parallel best-of-N weighted", measured.chains(HIERARCHICAL, sequential=False))
    points.add("", "parallel majority", measured.chains(MAJORITY, sequential=False))
    return points.table()


def revision_verifiers(measured: Measured) -> pd.DataFrame:
    """Figure 15: chains judged by the revision verifier with and without the earlier attempts, and by the PRM."""
    points = Points()
    without = measured.chains(HIERARCHICAL, sequential=True, role=Role.no_history)

    def at_the_same(outcomes: Mapping[int, ByProblem]) -> dict[int, ByProblem]:
        return {budget: outcomes[budget] for budget in without if budget in outcomes}

    chains = measured.chains(HIERARCHICAL, sequential=True)
    points.add("", "revision verifier, with history", at_the_same(chains))
    points.add("", "revision verifier, without history", without)
    points.add("", "PRM", measured.chains(HIERARCHICAL, sequential=True, role=Role.base_prm))
    points.add("", "majority", at_the_same(measured.chains(MAJORITY, sequential=True)))
    return points.table()


def rest_em(measured: Measured) -> pd.DataFrame:
    """Figure 16: the ReST-EM reviser beside the reviser whose chains it learned from."""
    points = Points()
    names = {"reviser": Role.revisions, "ReST-EM reviser": Role.rest_em}
    chains = {name: measured.attempts(role) for name, role in names.items()}
    length = min(map(len, chains.values()))
    for name, attempts in chains.items():
        points.add("along the chain", name, dict(enumerate(attempts[:length], start=1)))
    ratios = measured.by_ratio(HIERARCHICAL, Role.rest_em)
    budget = max(ratios, key=lambda budget: (len(ratios[budget]), budget))
    for name, role in names.items():
        points.add(f"by ratio, N = {budget}", name, measured.by_ratio(HIERARCHICAL, role).get(budget, {}))
    return points.table()
