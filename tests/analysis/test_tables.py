"""All tables of a run: smaller budgets for independent samples, attempts for chains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_records import records

from ttc.analysis.accuracy import summarize
from ttc.analysis.tables import run_table
from ttc.runs.records import CandidateRecord, ProblemRecord


def test_a_run_of_independent_samples_has_the_accuracy_of_every_smaller_budget() -> None:
    table = run_table(records(), independent=True)
    rows = table[table["kind"] == "budget"]
    assert list(rows["group"].unique()) == ["1", "2"]  # powers of two below the 4 samples per problem
    one = rows[rows["group"] == "1"].set_index("selection")["accuracy"]
    assert one["oracle"] == pytest.approx(np.mean([record.pass1 for record in records()]))
    assert summarize(table, "weighted")["by_budget"]["2"]["n"] == 4
    assert "budget" not in set(run_table(records(), independent=False)["kind"])


def test_the_selections_have_one_order_at_every_budget() -> None:
    table = run_table(records(), independent=True)
    rows = table[table["kind"] == "budget"]
    orders = [list(group["selection"]) for _, group in rows.groupby("group")]
    assert orders == [["majority", "best", "weighted", "oracle"]] * 2


def test_a_run_with_chains_has_one_row_per_attempt() -> None:
    def chained(id_: str, signs: str) -> ProblemRecord:
        candidates = tuple(CandidateRecord("", "1", sign == "+", chain=0) for sign in signs)
        return replace(records()[0], id=id_, candidates=candidates)

    table = run_table([chained("a", "-+"), chained("b", "++")], independent=False)
    rows = table[table["kind"] == "attempt"]
    assert [*zip(rows["group"], rows["accuracy"], strict=True)] == [("1", 0.5), ("2", 1.0)]
    assert summarize(table, "weighted")["by_attempt"]["2"]["pass@1"]["accuracy"] == 1.0
