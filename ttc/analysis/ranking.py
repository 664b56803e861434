"""How well a run's verifier orders the independent solutions of one problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ttc.analysis.intervals import intervals
from ttc.analysis.verifier_quality import ScoredSolution, problem_aucs
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, aggregate


def ranking_summary(records: Sequence[ProblemRecord], aggregation: Aggregation, *, seed: int = 0) -> dict[str, Any]:
    """Return what summary.json says of it: the within-problem AUC with its 95% interval over problems.

    Only solutions with an answer count: that one without is wrong needs no verifier. Nothing is said where no problem
    has correct and wrong solutions with values.
    """
    solutions = [
        ScoredSolution(record.id, candidate.answer, candidate.correct, aggregate(candidate.values, aggregation))
        for record in records
        for candidate in record.candidates
        if candidate.answer is not None and candidate.values and not math.isnan(candidate.values[-1])
    ]
    aucs = problem_aucs(solutions)
    if not aucs:
        return {}
    [found] = intervals(np.array(aucs)[:, None], seed=seed)
    return {"ranking": {"auc": found.mean, "ci95": [found.lo, found.hi], "problems": found.n}}
