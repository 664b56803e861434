"""Accuracy tables: overall, by quintile of difficulty and by level, for every selection over the same candidates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ttc.analysis.intervals import RESAMPLES, intervals
from ttc.runs.records import ProblemRecord
from ttc.selection import SelectionRule

PASS1 = "pass@1"
ORACLE = "oracle"
COLUMNS = ["kind", "group", "selection", "accuracy", "lo", "hi", "n"]


def outcomes_by_problem(records: Iterable[ProblemRecord], selection: str) -> dict[str, float]:
    """Return a selection's result in [0, 1] by problem id, for `interval` and `paired_difference`.

    Selections are majority, best, weighted, hierarchical, oracle and pass@1.

    Raises:
        KeyError: a record lacks the selection.
    """
    return {record.id: _outcome(record, selection) for record in records}


def accuracy_table(
    records: Sequence[ProblemRecord], *, independent: bool, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return a tidy table with one row per group of problems and selection.

    Columns: kind (overall, quintile, level), group (all, 1 .. 5), selection, accuracy, lo, hi (95% interval), n
    (problems). Problems of unknown quintile or level are in no group of that kind. `independent` says that candidates
    were sampled independently: only then is their mean correctness pass@1.
    """
    names = _selections(records, independent)
    # Sorted by id: the same problems give the same interval in whatever order they finished.
    records = sorted(records, key=lambda record: record.id)
    values = np.array([[_outcome(record, name) for name in names] for record in records], dtype=np.float64)
    rows: list[tuple[Any, ...]] = []
    for kind, group, members in _groups(records):
        found = intervals(values[members], resamples=resamples, seed=seed)
        rows += [(kind, group, name, i.mean, i.lo, i.hi, i.n) for name, i in zip(names, found, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS)


def summarize(table: pd.DataFrame, selection: str) -> dict[str, Any]:
    """Return the table as the accuracy part of summary.json, with `selection` as the headline."""
    kinds = ("overall", "quintile", "level", "budget", "attempt")
    nested: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in kinds}
    for row in table.to_dict("records"):
        group = nested[row["kind"]].setdefault(str(row["group"]), {})
        group[row["selection"]] = {"accuracy": row["accuracy"], "ci95": [row["lo"], row["hi"]]}
        group["n"] = row["n"]
    overall = nested["overall"].get("all", {"n": 0})
    n_problems = overall.pop("n")
    return {
        **overall.get(selection, {"accuracy": None, "ci95": None}),
        "n_problems": n_problems,
        "selection": selection,
        "selections": overall,
        "by_quintile": nested["quintile"],
        "by_level": nested["level"],
        **{f"by_{kind}": nested[kind] for kind in ("budget", "attempt") if nested[kind]},
    }


def _selections(records: Sequence[ProblemRecord], independent: bool) -> list[str]:
    """Return the selections that every record has, in the order of the tables."""
    chosen = [str(name) for name in SelectionRule if all(name in record.selected for record in records)]
    return ([PASS1] if independent else []) + chosen + [ORACLE]


def _groups(records: Sequence[ProblemRecord]) -> Iterator[tuple[str, str, list[int]]]:
    """Yield every group's kind and name, and the positions of its records."""
    if records:
        yield "overall", "all", list(range(len(records)))
    for kind in ("quintile", "level"):
        found = [getattr(record, kind) for record in records]
        for group in sorted({*found} - {None}):
            yield kind, str(group), [position for position, own in enumerate(found) if own == group]


def _outcome(record: ProblemRecord, selection: str) -> float:
    if selection == PASS1:
        return record.pass1
    if selection == ORACLE:
        return float(record.oracle)
    return float(record.selected[selection].correct)
