"""What a run says about each problem under a selection, held against all subsets of its samples."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from run_records import records, write_run

from ttc.analysis.run_outcomes import flops_at, run_outcomes
from ttc.cost import Flops, FlopsConvention
from ttc.errors import UserError
from ttc.runs.finding import Run
from ttc.runs.records import ProblemRecord


def chances(row: ProblemRecord, k: int) -> float:
    """Return the share of all subsets of k samples with a correct one."""
    subsets = [*combinations(row.candidates, k)]
    return sum(any(candidate.correct for candidate in subset) for subset in subsets) / len(subsets)


def independent(directory: Path, **entries: object) -> Run:
    write_run(directory, **entries)  # type: ignore[arg-type]
    return Run.load(directory)


def test_pass_at_k_is_the_share_of_all_subsets_with_a_correct_sample(tmp_path: Path) -> None:
    run = independent(tmp_path)
    found = run_outcomes(run, [f"pass@{k}" for k in (1, 2, 3, 4)])
    for k in (1, 2, 3, 4):
        assert found[f"pass@{k}"] == pytest.approx({row.id: chances(row, k) for row in run.records})
    assert found["pass@4"] == {row.id: float(row.oracle) for row in run.records}
    assert run_outcomes(run, ["pass@2"], budget=3)["pass@2"] == found["pass@2"]  # all samples say more than 3


def test_at_a_smaller_budget_every_selection_is_its_mean_over_all_subsets(tmp_path: Path) -> None:
    run = independent(tmp_path)
    found = run_outcomes(run, ["oracle", "majority", "weighted"], budget=3)
    assert found["oracle"] == pytest.approx({row.id: chances(row, 3) for row in run.records})
    # Right answers agree, wrong ones too, and all scores are equal: the larger group wins. 3 of 4 right: always.
    assert found["majority"] == found["weighted"] == {"a": 1.0, "b": 0.5, "c": 0.0, "d": 1.0}


def test_a_budget_of_all_samples_gives_what_the_run_selected_from_them(tmp_path: Path) -> None:
    run = independent(tmp_path)
    assert run_outcomes(run, ["oracle"], budget=4) == run_outcomes(run, ["oracle"])


@pytest.mark.parametrize(
    ("selection", "budget", "message"),
    [
        ("pass@5", None, r"^--selection pass@5: .*run has 4 samples per problem; use at most pass@4\.$"),
        ("pass@3", 2, r"^--selection pass@3: --budget is 2; use at most pass@2\.$"),
        ("oracle", 5, r"^--budget 5: .*run has 4 samples per problem; give at most 4\.$"),
        ("pass@0", None, r"run has no selection pass@0; use one of best, majority, oracle, pass@1, weighted\.$"),
        ("attempt-1", 2, r"run has no selection attempt-1; use one of pass@1, majority, best, weighted, oracle\.$"),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_one_line(
    tmp_path: Path, selection: str, budget: int | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run_outcomes(independent(tmp_path / "run"), [selection], budget)


@pytest.mark.parametrize("selection", ["pass@1", "pass@2"])
def test_samples_that_are_not_independent_have_no_pass_at_k(tmp_path: Path, selection: str) -> None:
    run = independent(tmp_path, strategy="beam", selections={"best": {}, "weighted": {}})
    message = rf"^--selection {selection}: the samples of .* are not independent; use one of best, weighted\.$"
    with pytest.raises(UserError, match=message):
        run_outcomes(run, [selection])


def test_a_budget_table_limits_pass_at_k_to_the_smallest_number_of_samples(tmp_path: Path) -> None:
    first, *others = records()
    write_run(tmp_path, [replace(first, candidates=first.candidates[:2]), *others])
    run = Run.load(tmp_path)
    assert run_outcomes(run, ["pass@2"])["pass@2"]["a"] == 1.0
    with pytest.raises(UserError, match="has 2 samples per problem; use at most pass@2"):
        run_outcomes(run, ["pass@3"])


def test_the_flops_of_a_smaller_budget_are_a_mean_over_problems_by_the_known_conventions(tmp_path: Path) -> None:
    write_run(tmp_path, [replace(row, flops=Flops(paper=400 * n)) for n, row in enumerate(records(), start=1)])
    assert flops_at(Run.load(tmp_path), 2) == {FlopsConvention.paper: pytest.approx(500.0)}
