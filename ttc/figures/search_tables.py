"""The data of the figures about search with a verifier: 3, 4, 12, 13 and 14, and the left part of figure 1."""

from __future__ import annotations

import pandas as pd

from ttc.difficulty.table import BINS, DifficultyKind
from ttc.figures.measured import HIERARCHICAL, MAJORITY, WEIGHTED, Measured
from ttc.figures.recipes import Role
from ttc.figures.tables import Points, by_budget
from ttc.selection import Aggregation

SEARCHES = {
    "beam, M = √N": Role.beam_sqrt,
    "beam, M = 4": Role.beam,
    "lookahead k = 1, M = √N": Role.lookahead_1_sqrt,
    "lookahead k = 3, M = √N": Role.lookahead_3_sqrt,
    "lookahead k = 3, M = 4": Role.lookahead_3,
}
BIN_BUDGETS = (4, 16, 64, 256)
ORACLE, PREDICTED = "compute-optimal, oracle bins", "compute-optimal, predicted bins"


def search_by_budget(measured: Measured) -> pd.DataFrame:
    """Figure 3 left: every search over budget."""
    points = Points()
    points.add("", "majority", by_budget(measured.curve(Role.best_of_n, MAJORITY)))
    points.add("", "best-of-N weighted", by_budget(measured.curve(Role.best_of_n, WEIGHTED)))
    for name, role in SEARCHES.items():
        if measured.has(role):
            points.add("", name, by_budget(measured.curve(role, WEIGHTED)))
    return points.table()


def search_by_bin(measured: Measured, kind: DifficultyKind = DifficultyKind.oracle) -> pd.DataFrame:
    """Figure 3 right: beam search, best-of-N weighted and majority at four budgets in each bin."""
    points = Points()
    series = {
        "beam, M = 4": measured.curve(Role.beam, WEIGHTED),
        "best-of-N weighted": measured.curve(Role.best_of_n, WEIGHTED),
        "majority": measured.curve(Role.best_of_n, MAJORITY),
    }
    for number in range(1, BINS + 1):
        for name, curve in series.items():
            points.add(f"bin {number}", name, by_budget(curve, BIN_BUDGETS), measured.members(number, kind))
    return points.table()


def search_by_predicted_bin(measured: Measured) -> pd.DataFrame:
    """Figure 12: the same with bins of predicted difficulty."""
    return search_by_bin(measured, DifficultyKind.predicted)


def optimal_search(measured: Measured) -> pd.DataFrame:
    """Figure 4: compute-optimal search against best-of-N."""
    points = Points()
    _add_optimal_search(points, "", measured)
    if measured.has(Role.orm):
        points.add("", "ORM best-of-N weighted", by_budget(measured.curve(Role.orm, WEIGHTED)))
    points.add("", "majority", by_budget(measured.curve(Role.best_of_n, MAJORITY)))
    return points.table()


def _add_optimal_search(points: Points, panel: str, measured: Measured) -> None:
    points.add(panel, ORACLE, measured.optimal_outcomes("search", DifficultyKind.oracle))
    points.add(panel, PREDICTED, measured.optimal_outcomes("search", DifficultyKind.predicted))
    points.add(panel, "PRM best-of-N weighted", by_budget(measured.curve(Role.best_of_n, WEIGHTED)))


def optimal_both(measured: Measured) -> pd.DataFrame:
    """Figure 1 left: compute-optimal revisions and search, each against its parallel baseline."""
    points = Points()
    if measured.has(Role.revisions):
        points.add("revisions", ORACLE, measured.optimal_outcomes("revisions", DifficultyKind.oracle))
        points.add("revisions", "parallel best-of-N weighted", measured.chains(HIERARCHICAL, sequential=False))
        points.add("revisions", "majority", measured.chains(MAJORITY, sequential=False))
    _add_optimal_search(points, "search", measured)
    points.add("search", "majority", by_budget(measured.curve(Role.best_of_n, MAJORITY)))
    table = points.table()
    return table[table["series"] != PREDICTED].reset_index(drop=True)


def aggregations(measured: Measured) -> pd.DataFrame:
    """Figure 13: how a PRM's step values become one score."""
    points = Points()
    for how in (Aggregation.last, Aggregation.min, Aggregation.prod):
        points.add("", f"PRM, {how}", measured.aggregated(how))
    if measured.has(Role.orm):
        points.add("", "ORM", by_budget(measured.curve(Role.orm, WEIGHTED)))
    points.add("", "majority", by_budget(measured.curve(Role.best_of_n, MAJORITY)))
    return points.table()


def verifiers(measured: Measured) -> pd.DataFrame:
    """Figure 14: PRM, ORM and majority over budget."""
    points = Points()
    points.add("", "PRM best-of-N weighted", by_budget(measured.curve(Role.best_of_n, WEIGHTED)))
    points.add("", "ORM best-of-N weighted", by_budget(measured.curve(Role.orm, WEIGHTED)))
    points.add("", "majority", by_budget(measured.curve(Role.best_of_n, MAJORITY)))
    return points.table()
