"""All tables of a run in one: accuracy overall, by quintile, by level, and at every smaller budget."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ttc.analysis.accuracy import COLUMNS, PASS1, accuracy_table
from ttc.analysis.chains import accuracy_by_attempt, has_chains
from ttc.analysis.subsample import budget_curve
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation


def run_table(
    records: Sequence[ProblemRecord], *, independent: bool, aggregation: Aggregation = Aggregation.last, seed: int = 0
) -> pd.DataFrame:
    """Return `accuracy_table`, and for independent samples a group of kind `budget` for each power of two below N.

    Those are unbiased: means over subsets of this run's own samples. For chains of revisions there is a group of kind
    `attempt` for each position in a chain.
    """
    table = accuracy_table(records, independent=independent, seed=seed)
    if has_chains(records):
        return pd.concat([table, _attempts(records, seed)], ignore_index=True)
    largest = min((len(record.candidates) for record in records), default=0)
    budgets = [2**k for k in range(largest.bit_length()) if 2**k < largest]
    if not independent or not budgets:
        return table
    smaller = budget_curve(records, budgets, aggregation=aggregation, seed=seed).assign(kind="budget")
    smaller = smaller.rename(columns={"budget": "group"}).astype({"group": str})
    smaller = smaller.sort_values("group", key=_numbers, kind="stable")  # selections keep their order
    return pd.concat([table, smaller[COLUMNS]], ignore_index=True)


def _attempts(records: Sequence[ProblemRecord], seed: int) -> pd.DataFrame:
    found = accuracy_by_attempt(records, seed=seed)
    rows = [("attempt", str(place), PASS1, i.mean, i.lo, i.hi, i.n) for place, i in enumerate(found, start=1)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(column: pd.Series[str]) -> pd.Series[int]:
    return column.astype(int)
