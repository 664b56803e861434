"""`ttc merge` joins the runs of shards, and says on one line why it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from omegaconf import OmegaConf
from run_records import record, write_run

from ttc.execution.choosing import relative_bins_note
from ttc.execution.shortfalls import Shortfalls
from ttc.runs.directory import RunDirectory
from ttc.runs.identity import RunIdentity
from ttc.runs.records import ProblemRecord

PROBLEMS = 10
SOLVED = {"majority": True, "best": True, "weighted": True}
UNSOLVED = {"majority": False, "best": False, "weighted": False}
CONFIG: Mapping[str, Any] = {
    "strategy": {"step_values": False},
    "generator": {"model": "pocket", "prompt": "Solve {question}.", "max_num_seqs": 64},
    "data": {"name": "pocket", "limit": None, "shard": None},
    "difficulty": {"path": None, "samples": None, "thresholds": []},
    "budget": 4,
    "seed": 0,
    "workers": 1,
    "store": {"path": "outputs/store.sqlite"},
}


def problem(number: int) -> ProblemRecord:
    """Return a problem of which `number` of 10 tells how easy it is."""
    return record(f"p{number}", SOLVED if number > 4 else UNSOLVED, number // 2 / 4, quintile=1, level=number % 2 + 1)


def write_shard(
    place: Path, rows: Sequence[ProblemRecord], shard: str, changes: Mapping[str, Any], **entries: Any
) -> None:
    """Write the finished run of a shard; `changes` are dotted keys of its config."""
    identity = RunIdentity(f"digest of {shard}", ("strategy=best_of_n", f"data.shard={shard}", "hydra.run.dir=x"))
    given: dict[str, Any] = {
        "strategy_config": {"_target_": "ttc.strategies.parallel.BestOfN", "step_values": False},
        "difficulty": {"kind": "oracle"},
        "seconds": {"generate": 2.0, "total": 3.5},
        "shortfalls": {"problems": len(rows), "solutions": 4 * len(rows), "truncated": 1},
        "grading_timeouts": 1,
        "token_limit": "generator.max_tokens=9",
        "n_problems_available": PROBLEMS,
    }
    cut = Shortfalls(solutions=4 * len(rows), truncated=1).notes("generator.max_tokens=9")
    given["notes"] = ["shared by all", *cut]
    write_run(place, rows, identity=identity, **{**given, **entries})
    config = OmegaConf.create(dict(CONFIG))
    for key, value in {"data.shard": shard, **changes}.items():
        OmegaConf.update(config, key, value)
    (place / ".hydra").mkdir()
    OmegaConf.save(config, place / ".hydra" / "config.yaml")
    OmegaConf.save(OmegaConf.create(list(identity.overrides)), place / ".hydra" / "overrides.yaml")


def write_shards(directory: Path, count: int = 4, **entries: Any) -> list[str]:
    for number in range(1, count + 1):
        rows = [problem(place) for place in range(number - 1, PROBLEMS, count)]
        write_shard(directory / f"s{number}", rows, f"{number}/{count}", {}, **entries)
    return [f"s{number}" for number in range(1, count + 1)]


def summary(run: Path) -> dict[str, Any]:
    return RunDirectory(run).summary()


def test_shards_become_one_run_with_bins_among_all_problems(ttc: CommandLine, tmp_path: Path) -> None:
    found = ttc("merge", *reversed(write_shards(tmp_path)), "--out", "all")
    assert found.code == 0 and "best_of_n, budget 4, pocket (10 problems)" in found.out
    merged = summary(tmp_path / "all")
    assert merged["accuracy"] == 0.5 and merged["n_problems"] == PROBLEMS
    assert {bin_: group["n"] for bin_, group in merged["by_quintile"].items()} == dict.fromkeys("12345", 2)
    rows = RunDirectory(tmp_path / "all").records()
    assert [row.id for row in rows] == sorted(f"p{number}" for number in range(PROBLEMS))
    assert {row.id: row.quintile for row in rows if row.id in ("p9", "p0")} == {"p9": 1, "p0": 5}


def test_counts_seconds_and_shortfalls_add_up(ttc: CommandLine, tmp_path: Path) -> None:
    assert ttc("merge", *write_shards(tmp_path), "--out", "all").code == 0
    merged = summary(tmp_path / "all")
    assert merged["generations"] == 4 * PROBLEMS and merged["tokens"]["decoded"] == 28 * PROBLEMS
    assert merged["seconds"] == {"generate": 8.0, "total": 14.0}
    assert merged["grading_timeouts"] == 4
    assert merged["shortfalls"]["truncated"] == 4 and merged["shortfalls"]["solutions"] == 40
    assert (
        "warning: 4 of 40 solutions (10%) were cut at generator.max_tokens=9: they have no answer, so the "
        in "".join(merged["notes"])
    )
    assert merged["notes"].count("shared by all") == 1 and not any("1 of " in note for note in merged["notes"])


def test_what_belongs_to_a_machine_or_to_no_setting_may_differ(ttc: CommandLine, tmp_path: Path) -> None:
    runs = write_shards(tmp_path, 2)
    shutil.rmtree(tmp_path / "s2")
    changes = {"store": None, "workers": 8, "generator.max_num_seqs": 512}
    write_shard(tmp_path / "s2", [problem(place) for place in range(1, PROBLEMS, 2)], "2/2", changes)
    assert ttc("merge", *runs, "--out", "all").code == 0


@pytest.mark.parametrize("relative", [True, False])
def test_bins_of_a_table_stay_and_those_of_values_that_are_not_stored_become_unknown(
    ttc: CommandLine, tmp_path: Path, relative: bool
) -> None:
    for number in (1, 2):
        rows = [problem(place) for place in range(number - 1, PROBLEMS, 2)]
        write_shard(
            tmp_path / f"s{number}", rows, f"{number}/2", {"difficulty.path": "table.json"},
            difficulty={"kind": "learned"}, notes=[relative_bins_note(f"{number}/2")] if relative else [],
        )  # fmt: skip
    assert ttc("merge", "s1", "s2", "--out", "all").code == 0
    assert {row.quintile for row in RunDirectory(tmp_path / "all").records()} == {None if relative else 1}
    found = summary(tmp_path / "all")
    assert found["difficulty"] == {"kind": "learned"} and bool(found["by_quintile"]) is not relative
    assert any(note.startswith("quintiles unknown: each shard had its own") for note in found["notes"]) is relative


def test_a_note_that_one_shard_has_names_it(ttc: CommandLine, tmp_path: Path) -> None:
    write_shards(tmp_path, 2)
    place = tmp_path / "s2" / "summary.json"
    changed = json.loads(place.read_text())
    changed["notes"] = ["warning: half of it was damaged", "shared by all"]
    place.write_text(json.dumps(changed))
    assert ttc("merge", "s1", "s2", "--out", "all").code == 0
    notes = summary(tmp_path / "all")["notes"]
    assert "warning: of shard 2/2: half of it was damaged" in notes and "shared by all" in notes


def test_a_merged_run_is_read_by_other_commands_and_merged_again_by_the_same_command(
    ttc: CommandLine, tmp_path: Path
) -> None:
    runs = write_shards(tmp_path)
    assert ttc("merge", *runs, "--out", "all").code == 0
    before = (tmp_path / "all" / "problems.jsonl").read_bytes()
    assert "best_of_n" in ttc("show", "all").out and ttc("grade", "all").code == 0
    assert ttc("merge", ".", "--out", "all").code == 0  # which is below the directory that is searched, but no shard
    assert (tmp_path / "all" / "problems.jsonl").read_bytes() == before
    assert summary(tmp_path / "all")["overrides"] == ["strategy=best_of_n"]
    assert OmegaConf.load(tmp_path / "all" / ".hydra" / "config.yaml") == OmegaConf.create(dict(CONFIG))


def test_a_missing_shard_is_named_and_may_be_allowed(ttc: CommandLine, tmp_path: Path) -> None:
    write_shards(tmp_path)
    found = ttc("merge", "s1", "s2", "s4", "--out", "some")
    assert (found.code, found.out) == (2, "")
    assert found.err == ("error: shard 3/4 of the run is not given; run data.shard=3/4, or add --allow-missing.\n")
    found = ttc("merge", "s1", "s4", "--out", "some")
    assert "shards 2/4, 3/4 of the run are not given; run data.shard=2/4 and the others" in found.err
    assert ttc("merge", "s1", "s2", "s4", "--out", "some", "--allow-missing").code == 0
    merged = summary(tmp_path / "some")
    assert merged["merged"] == {"shards": ["1/4", "2/4", "4/4"], "missing": ["3/4"]}
    assert merged["n_problems"] == merged["n_problems_available"] == 8
    assert any(note.startswith("warning: shard 3/4 is missing (--allow-missing)") for note in merged["notes"])


def _config(key: str, value: object) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        file = directory / "s2" / ".hydra" / "config.yaml"
        config = OmegaConf.load(file)
        OmegaConf.update(config, key, value)
        OmegaConf.save(config, file)

    return change


def _summary(key: str, value: object) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        file = directory / "s2" / "summary.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))

    return change


def _overlapping(directory: Path) -> None:
    shutil.rmtree(directory / "s2")
    write_shard(directory / "s2", [problem(number) for number in (0, 1, 3, 5, 7)], "2/2", {})


def _uneven(directory: Path) -> None:
    shutil.rmtree(directory / "s2")
    write_shard(directory / "s2", [problem(number) for number in (1, 3)], "2/2", {})


def _append(directory: Path) -> None:
    with (directory / "s2" / "problems.jsonl").open("a") as file:
        file.write("{}\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _config("strategy.step_values", True),
            "s2: strategy.step_values=True, but False in s1; merge shards of one run",
        ),
        (
            _config("generator.prompt", "Do {question}."),
            "s2: generator.prompt=Do {question}., but Solve {question}. in s1",
        ),
        (_config("generator.model", "other"), "s2: generator.model=other, but pocket in s1"),
        (_config("budget", 8), "s2: budget=8, but 4 in s1"),
        (_config("seed", 1), "s2: seed=1, but 0 in s1"),
        (_config("data.limit", 5), "s2: data.limit=5, but None in s1"),
        (_config("data.extra", 5), "s2: data.extra=5, but nothing in s1"),
        (_summary("strategy_config", {"_target_": "a.B"}), "s2: strategy_config._target_=a.B, but ttc.strategies"),
        (_summary("models", {"generator": {"fingerprint": "x"}}), "s2: models="),
        (_summary("plan", {"unit": "flops"}), "s2 planned its budget (flops= or tokens=)"),
        (_summary("imported", {}), "s2 was imported; import the files of all parts at once"),
        (
            _summary("overrides", ["data.shard=7/7"]),
            "s2/.hydra/config.yaml is not of the run that summary.json describes",
        ),
        (_summary("seconds", [1]), "s2/summary.json: seconds or grading_timeouts are not what a run writes"),
        (_summary("shortfalls", {"x": 1}), "s2/summary.json: shortfalls are not what a run writes"),
        (_summary("shortfalls", [1]), "s2/summary.json: shortfalls are not what a run writes"),
        (_config("data.shard", None), "s2 is a run of all its problems (data.shard is not set)"),
        (_config("data.shard", "3/2"), "s2/.hydra/config.yaml: data.shard='3/2' is no shard, e.g. 2/4."),
        (_config("data.shard", "2/3"), "s2 is shard 2/3 and s1 is shard 1/2: they are not parts of one division"),
        (_config("data.shard", "1/2"), "s1 and s2 are both shard 1/2; give one of them."),
        (_overlapping, "problem p0 is in s1 and in s2; merge shards of one data set."),
        (_uneven, "s2 has 2 problems and s1 5: they are not shards of one problem set"),
        (_append, "s2/problems.jsonl is not the file that summary.json was written with"),
        (lambda at: (at / "s2" / "summary.json").unlink(), "s2 holds no finished run (no summary.json)"),
        (lambda at: (at / "s2" / ".hydra" / "config.yaml").unlink(), "s2/.hydra/config.yaml cannot be read"),
        (lambda at: (at / "s2" / ".hydra" / "config.yaml").write_text("[1"), "s2/.hydra/config.yaml is not a config"),
        (lambda at: (at / "s2" / ".hydra" / "config.yaml").write_text("[1]"), "s2/.hydra/config.yaml is not a config"),
    ],
)
def test_runs_that_are_not_shards_of_one_run_are_refused_on_one_line(
    ttc: CommandLine, tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    runs = write_shards(tmp_path, 2)
    change(tmp_path)
    found = ttc("merge", *runs, "--out", "all")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert found.err.startswith("error: ") and message in found.err
    assert not (tmp_path / "all").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s1", "s1", "s2", "--out", "all"], "s1 is given twice; give each run once."),
        (["s1", "absent", "--out", "all"], "absent holds no finished run"),
        (["s1", "s2", "--out", "s1"], "--out s1 is a run to merge"),
        (["s1", "s2", "--out", "full"], "--out full already holds notes.txt; choose a new directory"),
        (["s1", "s2", "--out", "full/notes.txt"], "--out"),
        (["s1", "s2"], "--out"),
        (["--out", "all"], "Missing argument 'runs'"),
    ],
)
def test_impossible_arguments_are_one_line(
    ttc: CommandLine, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_shards(tmp_path, 2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = ttc("merge", *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1) and message in found.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
