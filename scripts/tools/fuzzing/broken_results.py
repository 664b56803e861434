"""Broken run directories and stores, for the commands that read results."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fuzzing.cases import Case, Prepare, Template, run_case
from ttc.analysis.accuracy import summarize
from ttc.analysis.tables import run_table
from ttc.files import jsonl_row
from ttc.runs.directory import RunDirectory
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.store.database import Store

READERS: Sequence[Sequence[str]] = (
    ["compare", "run"],
    ["compare", "run", "--csv", "out.csv"],
    ["grade", "run"],
    ["grade", "run", "--out", "out.jsonl"],
    ["show", "run", "--format", "csv"],
    ["optimal", "run", "--splits", "2", "--policy", "policy.yaml"],
    ["optimal", "run", "--difficulty", "table.json", "--split", "0.5"],
    ["difficulty", "run", "--samples", "2", "--out", "tables"],
    ["allocate", "run", "--total", "3", "--evaluate", "--out", "budgets.json"],
    ["scale", "run", "--large", "run", "--size-ratio", "2"],
    ["merge", "run", "--out", "outputs/merged"],
    ["push", "run", "--repo", "me/results"],
)
STORE_READERS: Sequence[Sequence[str]] = (
    ["store", "--path", "store.sqlite"],
    ["store", "export", "out.parquet", "--path", "store.sqlite"],
    ["store", "export", "out.parquet", "--results", "--path", "store.sqlite"],
    ["store", "merge", "store.sqlite", "--into", "merged.sqlite"],
    ["store", "merge", "other.sqlite", "--into", "store.sqlite"],
    ["store", "prune", "--before", "2020-01-01", "--path", "store.sqlite"],
)
VALUES: tuple[Any, ...] = (None, "", "x", [], {}, -1, 1e308, "NaN", True, {"a": {"b": [1]}}, "\ud83d", "[/red]")


def write_run(directory: Path) -> None:
    """Write a finished run of two problems, which are one shard of one."""
    candidates = tuple(CandidateRecord("so 1", "1", True, "stop", (0.5,), 3) for _ in range(4))
    selected = {name: SelectedAnswer("1", True) for name in ("majority", "best", "weighted")}
    records = [ProblemRecord(id_, "1", True, selected, True, candidates, level=1, generations=4) for id_ in "ab"]
    table = run_table(records, independent=True)
    named = {"strategy": "best_of_n", "budget": 4, "seed": 0, "aggregation": "last", "generator": "pocket"}
    cost = {"generations": 8, "flops": {"paper": 6, "full": 12}, "tokens": {}, "seconds": {"total": 1.0}}
    made_by = {
        "strategy_config": {"_target_": "ttc.strategies.parallel.BestOfN", "step_values": False},
        "models": {name: {"name": "pocket", "fingerprint": name, "parameters": 10} for name in ("generator", "prm")},
    }
    summary = {**summarize(table, "weighted"), **named, "prm": "pocket", "data": "pocket", **cost, **made_by}
    RunDirectory(directory).write(summary, table, [jsonl_row(record.to_json()) for record in records])
    (directory / ".hydra").mkdir()
    (directory / ".hydra" / "config.yaml").write_text("data: {shard: 1/1}\ndifficulty: {path: null}\nbudget: 4\n")


def run_directory_templates() -> list[Template]:
    """Return templates of the commands that read runs, and of `difficulty.path`, with a broken run directory."""
    return [*[_text_damage] * 12, *[_summary_damage] * 10, *[_row_damage] * 10, *[_missing_file] * 4]


def _reading(rng: random.Random, damage: Prepare, sure: bool) -> Case:
    def prepare(directory: Path) -> None:
        write_run(directory / "run")
        (directory / "table.json").write_text('{"a": 0.5, "b": 0.2}')
        damage(directory / "run")

    if rng.random() < 0.2:
        kind = rng.choice(["", " difficulty=predicted", " difficulty=learned"])
        return run_case(*f"difficulty.path=run{kind}".split(), prepare=prepare, sure=False)
    return Case(rng.choice(READERS), prepare, sure)


def _text_damage(rng: random.Random) -> Case:
    """Truncate a file of the run, or put something else there."""
    name = rng.choice(["summary.json", "problems.jsonl", ".hydra/config.yaml"])
    share, text = rng.random(), rng.choice([None, b"", b"{}", b"[]", b"{", b"\xff\xfe", b"[" * 5000, b"null", b"1"])

    def damage(run: Path) -> None:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: int(len(content) * share * 0.95)] if text is None else text)

    return _reading(rng, damage, sure=False)


def _summary_damage(rng: random.Random) -> Case:
    key, value, remove = rng.random(), rng.choice(VALUES), rng.random() < 0.4

    def damage(run: Path) -> None:
        path = run / "summary.json"
        path.write_text(json.dumps(_changed(json.loads(path.read_text()), key, value, remove)))

    return _reading(rng, damage, sure=False)


def _row_damage(rng: random.Random) -> Case:
    key, value, remove, inner = rng.random(), rng.choice(VALUES), rng.random() < 0.4, rng.random()

    def damage(run: Path) -> None:
        path = run / "problems.jsonl"
        first, *others = path.read_text().splitlines()
        row = json.loads(first)
        if inner < 0.4:
            row["candidates"][0] = _changed(row["candidates"][0], key, value, remove)
        else:
            row = _changed(row, key, value, remove)
        path.write_text("\n".join([json.dumps(row), *others]) + "\n")

    return _reading(rng, damage, sure=False)


def _changed(row: dict[str, Any], place: float, value: object, remove: bool) -> dict[str, Any]:
    key = sorted(row)[int(place * len(row))]
    return {name: item for name, item in row.items() if name != key} if remove else row | {key: value}


def _missing_file(rng: random.Random) -> Case:
    name = rng.choice(["summary.json", "problems.jsonl", ".hydra/config.yaml"])
    return _reading(rng, lambda run: (run / name).unlink(), sure=False)


# --- stores


def store_templates() -> list[Template]:
    """Return templates of `ttc store` and `ttc run` with a broken store."""
    damages: list[Callable[[random.Random, Path], object]] = [
        lambda rng, path: path.write_bytes(b"no database"),
        lambda rng, path: path.write_bytes(path.read_bytes()[: rng.randrange(100, 8000)]),
        lambda rng, path: _overwrite(path, rng, 400),
        lambda rng, path: _execute(path, "UPDATE replies SET body = '{'"),
        lambda rng, path: _execute(path, "UPDATE replies SET body = '{}'"),
        lambda rng, path: _execute(path, "UPDATE results SET body = '[]'"),
        lambda rng, path: _execute(path, "UPDATE results SET run = 'x'"),
        lambda rng, path: _execute(path, "DROP TABLE replies"),
        lambda rng, path: _execute(path, "PRAGMA user_version = 99"),
        lambda rng, path: _execute(path, "PRAGMA application_id = 7"),
    ]
    return [lambda rng, damage=damage: _store_case(rng, damage) for damage in damages]  # type: ignore[misc]


def _store_case(rng: random.Random, damage: Callable[[random.Random, Path], object]) -> Case:
    seed = rng.randrange(2**32)

    def prepare(directory: Path) -> None:
        path = directory / "store.sqlite"
        body = json.dumps({"value": 0.5, "usage": [1, 0, 1]})
        with Store(path) as store:
            store.keep([(bytes([n] * 16), "pocket", "score", body) for n in range(50)])
            parts = {name: {"class": "X", "name": "x", "model": "x"} for name in ("strategy", "data", "generator")}
            row = {"id": "a", "correct": True, "oracle": True, "gold": "1", "level": 1, "quintile": 1}
            store.keep_results(
                {**parts, "budget": 4, "seed": 0}, [row | {"generations": 4, "candidates": [], "selected": {}}]
            )
        damage(random.Random(seed), path)
        with Store(directory / "other.sqlite") as store:
            store.keep([(bytes([n] * 16), "pocket", "score", body) for n in range(40, 60)])

    if rng.random() < 0.25:
        return run_case("store=sqlite", "store.path=store.sqlite", prepare=prepare, sure=False)
    return Case(rng.choice(STORE_READERS), prepare, sure=False)


def _overwrite(path: Path, rng: random.Random, count: int) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(count):
        content[rng.randrange(100, len(content))] = rng.randrange(256)
    path.write_bytes(content)


def _execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
