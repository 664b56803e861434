"""Finished runs are compared problem by problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from run_records import record, rows_of, write_run

from ttc.analysis.compare import compare_runs, comparison_table
from ttc.analysis.intervals import DIFFERENCES, unanimous_interval
from ttc.errors import UserError
from ttc.files import write_json, write_lines
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import find_runs
from ttc.runs.records import CandidateRecord, ProblemRecord

QUINTILES = {"a": 1, "b": 1, "c": 5}


def rows(solved: str) -> list[ProblemRecord]:
    """Return problems of which `weighted` solves `solved`, and `best` all."""
    return [record(id_, {"weighted": id_ in solved, "best": True}, quintile=q) for id_, q in QUINTILES.items()]


def write(
    directory: Path, solved: str, *, strategy: str = "beam", seed: int = 0, overrides: Sequence[str] = ()
) -> Path:
    write_run(directory, rows(solved), strategy=strategy, seed=seed, overrides=overrides)
    return directory


def test_a_job_of_a_sweep_and_a_single_run_with_the_same_settings_are_one_group(tmp_path: Path) -> None:
    write(tmp_path / "swept", "a", overrides=[r"strategy.ratio=1\:4"])
    write(tmp_path / "single", "a", seed=1, overrides=["strategy.ratio=1:4"])
    [row] = compare_runs(find_runs([tmp_path / "swept", tmp_path / "single"]))
    assert row.seeds == 2 and row.settings["strategy.ratio"] == "1:4"


def test_seeds_are_averaged_and_differences_are_paired(tmp_path: Path) -> None:
    write(tmp_path / "beam" / "0", "ab", seed=0)
    write(tmp_path / "beam" / "1", "a", seed=1)
    write(tmp_path / "best", "abc", strategy="best_of_n")
    beam, best = compare_runs(find_runs([tmp_path / "beam", tmp_path / "best"]))
    assert (beam.seeds, beam.accuracy.mean, beam.accuracy.n) == (2, 0.5, 3)
    assert beam.difference is None
    assert best.difference is not None and best.difference.mean == pytest.approx(0.5)
    assert best.difference.lo == 0.0  # a, which beam always solved, can be drawn three times
    assert {quintile: cell.mean for quintile, cell in beam.quintiles.items()} == {1: 0.75, 5: 0.0}
    assert (beam.generations, beam.flops) == (4.0, 4.0)


def test_other_settings_make_another_row_and_a_run_given_twice_counts_once(tmp_path: Path) -> None:
    wide = write(tmp_path / "wide", "a", overrides=["strategy.width=8", "store=off", "hydra.run.dir=x"])
    narrow = write(tmp_path / "narrow", "ab", overrides=["strategy.width=2"])
    found = compare_runs(find_runs([wide, narrow, wide]), reference=1)
    assert [(row.settings["strategy.width"], row.seeds) for row in found] == [("8", 1), ("2", 1)]
    assert found[1].difference is None and found[0].difference is not None
    table = comparison_table(found)
    assert [*table.columns[:1]] == ["strategy.width"] and "strategy" not in table
    assert table["accuracy"].tolist() == pytest.approx([1 / 3, 2 / 3]) and table["n"].tolist() == [3, 3]


def test_selections_of_the_same_run_can_be_compared(tmp_path: Path) -> None:
    run = write(tmp_path / "run", "a")
    weighted, best = compare_runs(find_runs([run]), selections=["weighted", "best"])
    assert weighted.accuracy.mean == pytest.approx(1 / 3)
    assert best.accuracy.mean == 1.0
    assert best.difference is not None and best.difference.mean == pytest.approx(2 / 3)


def test_runs_that_agree_on_every_problem_differ_by_zero_with_an_interval_of_some_width(tmp_path: Path) -> None:
    runs = [write(tmp_path / "beam", "a"), write(tmp_path / "best", "a", strategy="best_of_n")]
    _, row = compare_runs(find_runs(runs))
    assert row.difference == unanimous_interval(0.0, 3, DIFFERENCES)
    assert row.difference.lo < 0 < row.difference.hi


def test_attempts_of_chains_are_averaged_over_seeds_and_paired(tmp_path: Path) -> None:
    for seed, signs in enumerate((("-+", "-+", "--"), ("++", "-+", "--"))):
        chains = [tuple(CandidateRecord("", "1", sign == "+", chain=0) for sign in chain) for chain in signs]
        chained = [replace(row, candidates=chain) for row, chain in zip(rows("a"), chains, strict=True)]
        write_run(tmp_path / str(seed), chained, strategy="revisions", seed=seed)
    runs = find_runs([tmp_path])
    first, second = compare_runs(runs, selections=["attempt-1", "attempt-2"])
    assert first.seeds == 2 and first.accuracy.mean == pytest.approx(1 / 6)
    assert second.difference is not None and second.difference.mean == pytest.approx(1 / 2)
    with pytest.raises(UserError, match=r"no selection attempt-3; use one of .*attempt-1"):
        compare_runs(runs, selections=["attempt-3"])


def test_an_impossible_comparison_is_refused_in_one_line(tmp_path: Path) -> None:
    runs = find_runs([write(tmp_path / "run", "a")])
    with pytest.raises(UserError, match="no selection hierarchical; use one of best, oracle, pass@1, weighted"):
        compare_runs(runs, selections=["hierarchical"])
    with pytest.raises(UserError, match=r"--reference 3: there are 1 rows; give 0 to 0\."):
        compare_runs(runs, reference=3)
    write_run(tmp_path / "other", [record("z", {"weighted": True})], strategy="best_of_n")
    with pytest.raises(UserError, match="other shares no problem with the others; compare runs on the same data"):
        compare_runs(find_runs([tmp_path / "run", tmp_path / "other"]))


def test_runs_of_data_sets_whose_ids_coincide_are_not_compared(tmp_path: Path) -> None:
    write(tmp_path / "run", "a")
    write_run(tmp_path / "other", [replace(row, gold="7") for row in rows("a")], strategy="best_of_n")
    message = r"the gold answer of problem 'a' is '1' in .*run but '7' in .*other; compare runs on the same data"
    with pytest.raises(UserError, match=message):
        compare_runs(find_runs([tmp_path / "run", tmp_path / "other"]))


def test_a_run_of_which_only_some_problems_have_chains_has_no_attempts(tmp_path: Path) -> None:
    first, *others = rows("a")
    chained = replace(first, candidates=(CandidateRecord("", "1", True, chain=0),))
    write_run(tmp_path, [first])
    write_lines(RunDirectory(tmp_path).problems_file, rows_of([chained, *others]))
    summary = RunDirectory(tmp_path).summary()
    write_json(tmp_path / "summary.json", {name: value for name, value in summary.items() if name != "files"})
    with pytest.raises(UserError, match="has problems without chains; run the experiment again"):
        compare_runs(find_runs([tmp_path]), selections=["attempt-1"])
