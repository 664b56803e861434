"""A run of one shard: its problems, what it says about them, and the samples that it shares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wordy import Wordy, config

from ttc.analysis.display import headline
from ttc.config import RunConfig
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.base import Draw
from ttc.execution.experiment import execute
from ttc.execution.identity import identity_of
from ttc.store.database import SqliteStore, Store
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN
from ttc.types import Reply, Request


def sharded(shard: str | None, **settings: Any) -> RunConfig:
    data = PocketDataset(split="validation", limit=15, shard=shard)
    return config(BestOfN(), data=data, budget=4, **settings)


def solved(directory: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (directory / "problems.jsonl").read_text().splitlines()]


def test_the_runs_of_all_shards_solve_every_problem_once(tmp_path: Path) -> None:
    for name, shard in (("all", None), ("1", "1/2"), ("2", "2/2")):
        execute(sharded(shard), tmp_path / name)
    parts = [*solved(tmp_path / "1"), *solved(tmp_path / "2")]
    assert sorted(parts) == sorted(solved(tmp_path / "all")) and len(set(parts)) == 15


def test_a_run_says_which_part_of_the_problems_it_solved(tmp_path: Path) -> None:
    summary = execute(sharded("1/2"), tmp_path).summary
    assert (summary["n_problems"], summary["n_problems_chosen"], summary["n_problems_available"]) == (8, 15, 500)
    assert json.loads((tmp_path / "summary.json").read_text())["shard"] == "1/2"
    title = headline(summary, summary["n_problems"], summary["n_problems_available"])
    assert title.endswith("(8 of 15 problems: data.limit=15, data.shard=1/2)")


def test_the_headline_of_a_shard_names_the_settings_that_left_problems_out() -> None:
    run = {"strategy": "beam", "budget": 4, "data": "math500", "shard": "3/8"}
    of_all = headline(run | {"n_problems_chosen": 500}, 63, 500)
    assert of_all == "beam, budget 4, math500 (63 of 500 problems: data.shard=3/8)"
    of_some = headline(run | {"n_problems_chosen": 150}, 19, 500)
    assert of_some == "beam, budget 4, math500 (19 of 150 problems: data.limit=150, data.shard=3/8)"


def test_a_run_of_all_problems_says_nothing_of_shards(tmp_path: Path) -> None:
    summary = execute(sharded(None), tmp_path).summary
    assert not {"shard", "n_problems_chosen"} & summary.keys()
    assert not any("shard" in note for note in summary["notes"])


def test_quintiles_that_are_relative_to_a_shard_are_said_to_be(tmp_path: Path) -> None:
    notes = execute(sharded("1/2"), tmp_path / "own").summary["notes"]
    assert [note for note in notes if "data.shard=1/2 alone; `ttc merge` bins" in note]
    absolute = replace(sharded("1/2"), difficulty=OracleDifficulty(thresholds=[0.8, 0.6, 0.4, 0.2]))
    assert not any("data.shard" in note for note in execute(absolute, tmp_path / "absolute").summary["notes"])
    shipped = replace(sharded("1/2"), data=PocketDataset(limit=15, shard="1/2"))
    assert not any("data.shard" in note for note in execute(shipped, tmp_path / "shipped").summary["notes"])
    searched = replace(sharded("1/2"), strategy=Beam())
    assert not any("data.shard" in note for note in execute(searched, tmp_path / "searched").summary["notes"])


def test_shards_share_all_samples_with_a_run_of_all_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    reply = Wordy.reply

    def counted(self: Wordy, request: Request, draw: Draw) -> Reply:
        asked.append(request)
        return reply(self, request, draw)

    monkeypatch.setattr(Wordy, "reply", counted)
    store = SqliteStore(str(tmp_path / "store.sqlite"))

    def keys() -> set[bytes]:
        with Store(tmp_path / "store.sqlite") as opened:
            return {key for key, *_ in opened.rows()}

    monkeypatch.setattr("ttc.engines.base._engines", {})
    for number in (1, 2):
        execute(sharded(f"{number}/2", store=store), tmp_path / f"{number}")
    computed, stored = len(asked), keys()
    assert computed
    execute(sharded(None, store=store), tmp_path / "all")
    assert (len(asked), keys()) == (computed, stored)


def test_each_shard_is_a_run_of_its_own() -> None:
    identities = {identity_of(sharded(shard)).digest for shard in (None, "1/2", "2/2", "1/3")}
    assert len(identities) == 4
    assert identity_of(sharded("01/2")) == identity_of(sharded("1/2"))
