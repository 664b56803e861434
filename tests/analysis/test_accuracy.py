"""Intervals and accuracy tables that a run's records turn into."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from run_records import record, records

from ttc.analysis.accuracy import accuracy_table, summarize
from ttc.analysis.intervals import interval, intervals, over_seeds, paired_difference
from ttc.runs.records import ProblemRecord

# --- intervals


def test_the_interval_matches_the_normal_one_on_many_problems() -> None:
    flips = np.random.default_rng(1).random((500, 1)) < 0.4
    found = intervals(flips)[0]
    half = 1.96 * math.sqrt(found.mean * (1 - found.mean) / 500)
    assert found.mean == pytest.approx(flips.mean())
    assert found.lo == pytest.approx(found.mean - half, abs=0.006)
    assert found.hi == pytest.approx(found.mean + half, abs=0.006)


def test_the_interval_covers_the_truth_about_19_times_in_20() -> None:
    rng = np.random.default_rng(2)
    found = intervals(rng.random((100, 400)) < 0.3)
    covered = sum(i.lo <= 0.3 <= i.hi for i in found)
    assert 0.91 <= covered / 400 <= 0.98


def test_the_interval_is_the_same_in_any_order_of_rows_and_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    results = {f"p{i}": math.sin(i) ** 2 for i in range(40)}
    whole = interval(results)
    assert interval(dict(reversed(results.items()))) == whole
    assert interval(results, seed=1) != whole
    monkeypatch.setattr("ttc.analysis.intervals._CELLS", 400)
    blocks = interval(results)
    assert (blocks.lo, blocks.hi) == pytest.approx((whole.lo, whole.hi), abs=1e-12)


def test_pairing_joins_by_id_and_removes_what_problems_share() -> None:
    rng = np.random.default_rng(3)
    b = {f"p{i}": float(rng.random() < 0.5) for i in range(300)}
    gained = {id_ for i, id_ in enumerate(b) if i % 20 == 0}
    a = {id_: max(b[id_], float(id_ in gained)) for id_ in reversed(b)}
    difference = paired_difference(a, {**b, "only here": 1.0})
    assert difference.n == 300
    assert difference.mean == pytest.approx(interval(a).mean - interval(b).mean)
    assert 0 < difference.lo < difference.mean < difference.hi
    assert difference.hi - difference.lo < 0.5 * (interval(a).hi - interval(a).lo)


def test_two_runs_without_a_common_problem_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="share no problem"):
        paired_difference({"a": 1.0}, {"b": 1.0})


def test_seeds_are_averaged_per_problem_so_that_they_are_no_new_problems() -> None:
    seeds = [{"a": 1.0, "b": 0.0}, {"b": 1.0, "a": 1.0, "c": 1.0}]
    assert over_seeds(seeds) == {"a": 1.0, "b": 0.5}
    assert interval([seeds[0]] * 3) == interval(seeds[0])


# --- records and tables


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


def test_only_independent_samples_have_a_pass_at_1() -> None:
    assert "pass@1" not in set(accuracy_table(records(), independent=False).selection)


def test_a_selection_that_some_problem_lacks_is_left_out() -> None:
    rows = [*records(), record("e", {"majority": True})]
    assert list(accuracy_table(rows, independent=False).selection.unique()) == ["majority", "oracle"]


def test_the_table_does_not_depend_on_the_order_in_which_problems_finished() -> None:
    forward = accuracy_table(records(), independent=True)
    pd.testing.assert_frame_equal(forward, accuracy_table(records()[::-1], independent=True))


def test_outcomes_of_two_selections_can_be_paired() -> None:
    difference = paired_difference(outcomes(records(), "weighted"), outcomes(records(), "majority"))
    assert (difference.mean, difference.n) == (0.25, 4)


def test_the_summary_holds_the_configured_selection_and_all_groups() -> None:
    summary = summarize(accuracy_table(records(), independent=True), "weighted")
    assert summary["accuracy"] == 0.75 == summary["selections"]["weighted"]["accuracy"]
    assert summary["ci95"] == summary["selections"]["weighted"]["ci95"]
    assert (summary["n_problems"], summary["selection"]) == (4, "weighted")
    assert summary["by_quintile"]["5"]["n"] == 2
    assert summary["by_level"]["2"]["majority"]["accuracy"] == 0.5


def test_a_record_survives_json() -> None:
    for row in records():
        assert ProblemRecord.from_json(json.loads(json.dumps(row.to_json()))) == row
