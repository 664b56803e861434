"""EngineReply runs are compared problem by problem."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from run_records import record

from ttc.analysis.compare import compare, comparison_table, find_runs, show_comparison
from ttc.analysis.display import jsonl_row
from ttc.errors import UserError
from ttc.runs.records import CandidateRecord

QUINTILES = {"a": 1, "b": 1, "c": 5}


def write_run(directory: Path, right: str, *, strategy: str = "beam", seed: int = 0, overrides: str = "[]") -> Path:
    """A run that got these problems right by `weighted`, and all of them by `best`."""
    records = [record(id_, {"weighted": id_ in right, "best": True}, quintile=q) for id_, q in QUINTILES.items()]
    (directory / ".hydra").mkdir(parents=True)
    (directory / ".hydra" / "overrides.yaml").write_text(overrides)
    (directory / "problems.jsonl").write_text("".join(jsonl_row(r.to_json()) + "\n" for r in records))
    summary = {
        **{"strategy": strategy, "budget": 4, "seed": seed, "prm": "pocket", "generator": "pocket", "data": "pocket"},
        **{"selection": "weighted", "selections": {"weighted": {}, "best": {}}, "n_problems": len(records)},
        **{"generations": 4 * len(records), "flops": {"paper": 6, "full": 12}, "aggregation": "last"},
    }
    (directory / "summary.json").write_text(json.dumps(summary))
    return directory


def test_a_job_of_a_sweep_and_a_single_run_with_the_same_settings_are_one_group(tmp_path: Path) -> None:
    write_run(tmp_path / "swept", "a", overrides=r"['strategy.ratio=1\:4']")
    write_run(tmp_path / "single", "a", seed=1, overrides="['strategy.ratio=1:4']")
    [group] = compare(find_runs([tmp_path / "swept", tmp_path / "single"]))
    assert group.seeds == 2 and group.settings["strategy.ratio"] == "1:4"


def test_seeds_are_averaged_and_differences_are_paired(tmp_path: Path) -> None:
    write_run(tmp_path / "beam" / "0", "ab", seed=0)
    write_run(tmp_path / "beam" / "1", "a", seed=1)
    write_run(tmp_path / "best", "abc", strategy="best_of_n")
    beam, best = compare(find_runs([tmp_path / "beam", tmp_path / "best"]))
    assert (beam.seeds, beam.accuracy.mean, beam.accuracy.n) == (2, 0.5, 3)
    assert beam.difference is None
    assert best.difference is not None and best.difference.mean == pytest.approx(0.5)
    assert best.difference.lo == 0.0  # a, which beam always got right, can be drawn three times
    assert {quintile: cell.mean for quintile, cell in beam.quintiles.items()} == {1: 0.75, 5: 0.0}
    assert (beam.generations, beam.flops) == (4.0, 4.0)


def test_runs_of_other_settings_are_rows_of_their_own_and_the_same_run_counts_once(tmp_path: Path) -> None:
    wide = write_run(tmp_path / "wide", "a", overrides="[strategy.width=8, store=off, hydra.run.dir=x]")
    narrow = write_run(tmp_path / "narrow", "ab", overrides="[strategy.width=2]")
    found = compare(find_runs([wide, narrow, wide]), reference=1)
    assert [(group.settings["strategy.width"], group.seeds) for group in found] == [("8", 1), ("2", 1)]
    assert found[1].difference is None and found[0].difference is not None
    table = comparison_table(found)
    assert [*table.columns[:1]] == ["strategy.width"] and "strategy" not in table


def test_selections_of_the_same_runs_can_be_compared(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "a")
    weighted, best = compare(find_runs([run]), selections=["weighted", "best"])
    assert weighted.accuracy.mean == pytest.approx(1 / 3)
    assert best.accuracy.mean == 1.0
    assert best.difference is not None and best.difference.mean == pytest.approx(2 / 3)


def test_attempts_of_chains_are_compared_over_seeds_and_paired(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(seed), "a", strategy="revisions", seed=seed) for seed in (0, 1)]
    for run, signs in zip(runs, (("-+", "-+", "--"), ("++", "-+", "--")), strict=True):
        chains = [[CandidateRecord("", "1", sign == "+", chain=0) for sign in chain] for chain in signs]
        records = [replace(r, candidates=tuple(c)) for r, c in zip(find_runs([run])[0].records, chains, strict=True)]
        (run / "problems.jsonl").write_text("".join(jsonl_row(r.to_json()) + "\n" for r in records))
    first, second = compare(find_runs(runs), selections=["attempt-1", "attempt-2"])
    assert first.seeds == 2 and first.accuracy.mean == pytest.approx(1 / 6)
    assert second.difference is not None and second.difference.mean == pytest.approx(1 / 2)
    with pytest.raises(UserError, match=r"no selection attempt-3; use one of .*attempt-1"):
        compare(find_runs(runs), selections=["attempt-3"])


def test_what_cannot_be_compared_is_told_in_one_line(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "a")
    with pytest.raises(UserError, match="holds no finished run"):
        find_runs([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="no selection hierarchical; use one of weighted, best"):
        compare(find_runs([run]), selections=["hierarchical"])
    with pytest.raises(UserError, match="--reference 3: there are 1 rows"):
        compare(find_runs([run]), reference=3)


def test_a_comparison_is_printed_with_intervals_quintiles_and_costs(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "beam", "ab"), write_run(tmp_path / "best", "abc", strategy="best_of_n")]
    console = Console(record=True, file=(tmp_path / "out").open("w"))
    show_comparison(compare(find_runs(runs)), console)
    told = console.export_text()
    assert "66.7 [0.0, 100.0]" in told and "+33.3 [+0.0, +100.0]" in told and "reference" in told
    assert "q5" in told and "FLOPs" in told
