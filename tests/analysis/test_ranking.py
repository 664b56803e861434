"""How well a run's verifier orders the solutions of one problem."""

from __future__ import annotations

import math

import pytest

from ttc.analysis.ranking import ranking_summary
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
