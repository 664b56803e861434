"""Accuracy tables: overall, by quintile and by level, for every selection."""

from __future__ import annotations

import pandas as pd
import pytest
from run_records import record, records

from ttc.analysis.accuracy import accuracy_table, outcomes_by_problem, summarize
from ttc.analysis.intervals import paired_difference, unanimous_interval


def cell(table: pd.DataFrame, kind: str, group: str, selection: str) -> dict[str, float]:
    (row,) = table[(table.kind == kind) & (table.group == group) & (table.selection == selection)].to_dict("records")
    return {str(key): value for key, value in row.items()}


def test_the_table_has_every_selection_overall_by_quintile_and_by_level() -> None:
    table = accuracy_table(records(), independent=True)
    assert list(table.selection.unique()) == ["pass@1", "majority", "best", "weighted", "oracle"]
    assert cell(table, "overall", "all", "majority")["accuracy"] == 0.5
    assert cell(table, "overall", "all", "pass@1")["accuracy"] == pytest.approx((1 + 0.5 + 0 + 0.75) / 4)
    assert cell(table, "overall", "all", "oracle")["accuracy"] == 0.75
    assert cell(table, "quintile", "5", "weighted") == pytest.approx(
        {"kind": "quintile", "group": "5", "selection": "weighted", "accuracy": 0.5, "lo": 0.0, "hi": 1.0, "n": 2}
    )
    assert cell(table, "level", "4", "weighted")["n"] == 1
    assert set(table[table.kind == "quintile"].group) == {"1", "5"}


def test_a_group_whose_problems_all_agree_has_an_interval_of_some_width() -> None:
    found = cell(accuracy_table(records(), independent=True), "overall", "all", "best")
    expected = unanimous_interval(0.0, 4)
    assert (found["accuracy"], found["lo"], found["hi"]) == (0.0, 0.0, expected.hi) and expected.hi > 0


def test_only_independent_samples_have_a_pass_at_1() -> None:
    assert "pass@1" not in set(accuracy_table(records(), independent=False).selection)


def test_a_selection_that_some_problem_lacks_is_left_out() -> None:
    rows = [*records(), record("e", {"majority": True})]
    assert list(accuracy_table(rows, independent=False).selection.unique()) == ["majority", "oracle"]


def test_the_table_does_not_depend_on_the_order_in_which_problems_finished() -> None:
    forward = accuracy_table(records(), independent=True)
    pd.testing.assert_frame_equal(forward, accuracy_table(records()[::-1], independent=True))


def test_the_outcomes_of_two_selections_can_be_paired() -> None:
    weighted, majority = (outcomes_by_problem(records(), name) for name in ("weighted", "majority"))
    difference = paired_difference(weighted, majority)
    assert (difference.mean, difference.n) == (0.25, 4)


def test_outcomes_are_keyed_by_problem_for_every_selection() -> None:
    assert outcomes_by_problem(records(), "pass@1") == {"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.75}
    assert outcomes_by_problem(records(), "oracle") == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 1.0}
    with pytest.raises(KeyError, match="hierarchical"):
        outcomes_by_problem(records(), "hierarchical")


def test_the_summary_holds_the_configured_selection_and_all_groups() -> None:
    summary = summarize(accuracy_table(records(), independent=True), "weighted")
    assert summary["accuracy"] == 0.75 == summary["selections"]["weighted"]["accuracy"]
    assert summary["ci95"] == summary["selections"]["weighted"]["ci95"]
    assert (summary["n_problems"], summary["selection"]) == (4, "weighted")
    assert summary["by_quintile"]["5"]["n"] == 2
    assert summary["by_level"]["2"]["majority"]["accuracy"] == 0.5
