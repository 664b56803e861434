"""How well a run's verifier orders the solutions of one problem."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from ttc.analysis.ranking import compare_with_baselines, ranking_summary, show_baselines
from ttc.analysis.verifier_quality import ScoredSolution
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import Aggregation


def record(name: str, *candidates: tuple[bool, tuple[float, ...]], answer: str | None = "1") -> ProblemRecord:
    rows = [CandidateRecord("text", answer, correct, values=values) for correct, values in candidates]
    return ProblemRecord(name, "1", True, {}, True, rows)


def test_the_auc_is_the_mean_over_problems_with_correct_and_wrong_solutions() -> None:
    records = [
        record("ordered", (True, (0.1, 0.9)), (False, (0.9, 0.2))),
        record("half", (True, (0.5,)), (False, (0.4,)), (False, (0.6,))),
        record("all correct", (True, (0.5,)), (True, (0.4,))),
    ]
    found = ranking_summary(records, Aggregation.last)["ranking"]
    assert found["auc"] == pytest.approx((1.0 + 0.5) / 2) and found["problems"] == 2
    assert found["ci95"][0] <= found["auc"] <= found["ci95"][1]
    assert ranking_summary(records[:1], Aggregation.min)["ranking"]["auc"] == 0.0


def test_solutions_without_an_answer_or_a_value_do_not_count() -> None:
    assert ranking_summary([record("p", (True, (0.9,)), (False, (0.1,)), answer=None)], Aggregation.last) == {}
    assert ranking_summary([record("p", (True, ()), (False, (math.nan,)))], Aggregation.last) == {}


def scored(**problems: list[tuple[bool, float]]) -> list[ScoredSolution]:
    return [ScoredSolution(name, "1", right, score) for name, rows in problems.items() for right, score in rows]


def test_a_verifier_leads_a_baseline_by_the_mean_difference_over_problems() -> None:
    verifier = scored(p=[(True, 0.9), (False, 0.1)], q=[(True, 0.9), (False, 0.1)])
    other = scored(p=[(True, -5.0), (False, -9.0)], q=[(True, -8.0), (False, -7.0)])
    found = compare_with_baselines(verifier, {"log_probability": other})["log_probability"]
    assert (found.auc.mean, found.auc.n, found.lead.mean) == (0.5, 2, 0.5)
    assert found.lead.lo == 0.0 and found.lead.hi == 1.0
    assert found.to_json()["verifiers_lead"] == {"mean": 0.5, "ci95": [0.0, 1.0]}


def test_where_no_problem_has_both_outcomes_there_is_nothing_to_lead() -> None:
    assert compare_with_baselines(scored(p=[(True, 0.9)]), {"other": scored(p=[(True, 0.1)])}) == {}


def test_the_table_of_baselines_fits_eighty_columns() -> None:
    verifier = scored(p=[(True, 0.9), (False, 0.1)], q=[(True, 0.9), (False, 0.1)])
    other = scored(p=[(True, -5.0), (False, -9.0)], q=[(True, -8.0), (False, -7.0)])
    console = Console(record=True, width=80, file=io.StringIO())
    show_baselines(compare_with_baselines(verifier, {"mean_log_probability": other}), console)
    assert "mean log probability  0.50  [0.00, 1.00]              +0.50  [+0.00, +1.00]" in console.export_text()
