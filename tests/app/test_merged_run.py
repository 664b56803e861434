"""Runs of shards, merged, equal the run of all problems: for real on the pocket, with one start of vLLM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ttc.app.merging import merge_runs
from ttc.runs.hydra_files import recorded_config

SHARDS = ("1/3", "2/3", "3/3")
STRATEGIES = ("best_of_n", "beam")
OWN = {"seconds", "overrides", "merged", "notes"}
"""Entries of summary.json that tell how the results came about."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Return the run of each strategy on all problems, as "all", and on each shard: the same samples, by the store."""
    directory = tmp_path_factory.mktemp("shards")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [
        *("run", "-m", f"strategy={','.join(STRATEGIES)}", "budget=8", "data.split=validation"),
        *("data.limit=11", f"data.shard=null,{','.join(SHARDS)}", "difficulty=predicted", "generator.max_tokens=48"),
        "hydra.sweep.dir=sweep",
    ]
    executable = Path(sys.executable).with_name("ttc")
    done = subprocess.run([executable, *command], cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    jobs = [(strategy, shard) for strategy in STRATEGIES for shard in ("all", *SHARDS)]
    return {job: directory / "sweep" / str(number) for number, job in enumerate(jobs)}


@pytest.fixture(scope="module", params=STRATEGIES)
def pair(
    request: pytest.FixtureRequest, runs: dict[tuple[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Return the run of all problems and the merged one, whose shards are given in another order."""
    out = tmp_path_factory.mktemp("merged") / "run"
    merge_runs([runs[request.param, shard] for shard in (SHARDS[2], SHARDS[0], SHARDS[1])], out)
    return runs[request.param, "all"], out


def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def test_the_tables_rows_and_trees_are_those_of_the_whole_run_to_the_byte(pair: tuple[Path, Path]) -> None:
    whole, merged = pair
    names = sorted(path.name for path in whole.iterdir() if path.suffix in (".csv", ".jsonl"))
    assert names == sorted(path.name for path in merged.iterdir() if path.suffix in (".csv", ".jsonl"))
    assert ("trees.jsonl" in names) == (summary(whole)["strategy"] == "beam")
    for name in names:
        assert (merged / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_summary_is_that_of_the_whole_run_but_for_how_it_came_about(pair: tuple[Path, Path]) -> None:
    whole, merged = map(summary, pair)
    assert whole.keys() | {"merged"} == merged.keys()
    assert {key: value for key, value in merged.items() if key not in OWN} == {
        key: value for key, value in whole.items() if key not in OWN
    }
    assert merged["merged"] == {"shards": [*SHARDS], "missing": []}


def test_the_bins_of_a_shard_are_not_those_of_all_problems(
    pair: tuple[Path, Path], runs: dict[tuple[str, str], Path]
) -> None:
    merged = summary(pair[1])
    if merged["strategy"] == "beam":
        assert merged["by_quintile"] == {}  # a search's samples do not tell the difficulty
        return
    sizes = {bin_: group["n"] for bin_, group in merged["by_quintile"].items()}
    assert sum(sizes.values()) == 11 and set(sizes.values()) == {2, 3}
    assert len(summary(runs["best_of_n", "1/3"])["by_quintile"]) < 5


def test_the_notes_of_the_whole_run_are_there_with_its_counts(pair: tuple[Path, Path]) -> None:
    whole, merged = (summary(run)["notes"] for run in pair)
    assert merged[0] == "merged from 3 runs, one per shard"
    assert any("solutions were cut" in note or "solutions (" in note for note in whole)  # by generator.max_tokens=48
    assert set(whole) <= set(merged)
    assert not any("data.shard" in note for note in merged)


def test_seconds_are_the_sum_over_the_shards(pair: tuple[Path, Path], runs: dict[tuple[str, str], Path]) -> None:
    merged = summary(pair[1])
    parts = [summary(runs[merged["strategy"], shard])["seconds"] for shard in SHARDS]
    assert merged["seconds"] == pytest.approx({name: sum(part[name] for part in parts) for name in parts[0]}, abs=1e-5)


def test_the_config_of_the_merged_run_is_the_shared_one_without_a_shard(pair: tuple[Path, Path]) -> None:
    whole, merged = map(recorded_config, pair)
    assert merged == whole and isinstance(merged["data"], dict) and merged["data"]["shard"] is None
    assert not any(override.startswith("data.shard") for override in summary(pair[1])["overrides"])
