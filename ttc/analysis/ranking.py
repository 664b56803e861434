"""How well a verifier orders the independent solutions of one problem, and against what it must be measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ttc.analysis.intervals import Interval, interval, paired_difference
from ttc.analysis.verifier_quality import ScoredSolution, problem_aucs, ranking_to_json, within_problem_auc
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, aggregate
from ttc.terminal import plain_table


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
    found = ranking_to_json(within_problem_auc(solutions, seed=seed))
    return {} if found is None else {"ranking": found}


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another score of the solutions that a verifier rates.

    Attributes:
        auc: within a problem.
        lead: the verifier's AUC less this one's, over the same problems.
    """

    auc: Interval
    lead: Interval

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        lead = {"mean": self.lead.mean, "ci95": [self.lead.lo, self.lead.hi]}
        return (ranking_to_json(self.auc) or {}) | {"verifiers_lead": lead}


def compare_with_baselines(
    verifier: Sequence[ScoredSolution], others: Mapping[str, Sequence[ScoredSolution]], *, seed: int = 0
) -> dict[str, Baseline]:
    """Return each other score's ranking and the verifier's lead; nothing where no problem has both outcomes."""
    own = problem_aucs(verifier)
    found = {name: problem_aucs(scored) for name, scored in others.items()} if own else {}
    return {
        name: Baseline(interval(aucs, seed=seed), paired_difference(own, aucs, seed=seed))
        for name, aucs in found.items()
    }


def show_baselines(baselines: Mapping[str, Baseline], console: Console | None = None) -> None:
    """Print a line for each."""
    right = ("AUC", "95% interval", "verifier ahead by", "95% interval")
    table = plain_table("score", right=right, title="within-problem AUC of other scores")
    for name, found in baselines.items():
        auc, lead = found.auc, found.lead
        table.add_row(
            name.replace("_", " "),
            f"{auc.mean:.2f}",
            f"[{auc.lo:.2f}, {auc.hi:.2f}]",
            f"{lead.mean:+.2f}",
            f"[{lead.lo:+.2f}, {lead.hi:+.2f}]",
        )
    (console or Console(highlight=False)).print(table)
