"""Kill a run with SIGKILL at random moments, resume it, and compare the result with an uninterrupted run.

    python scripts/tools/kill_and_resume.py
    python scripts/tools/kill_and_resume.py --runs 5 --kills 2 --overrides "strategy=mcts budget=8 data.limit=20"

All tables, candidates, answers and grades must be byte-identical, and the store must hold the same replies, each once.
A verifier's value that is recomputed in a different batch may differ in its last bits: the largest difference is
reported.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ttc.store.database import Store

COSTS = ("tokens", "flops", "seconds")  # these depend on caches and clocks, which differ in a resumed run


def main(
    runs: Annotated[int, typer.Option(help="Number of runs to kill.")] = 20,
    kills: Annotated[int, typer.Option(help="Kills of each run before it may finish.")] = 1,
    overrides: Annotated[str, typer.Option(help="Overrides of `ttc run`.")] = "strategy=beam budget=16 data.limit=40",
    seed: Annotated[int, typer.Option(help="Seed of the random moments.")] = 0,
) -> None:
    """Print one line per run; the exit code is 1 if any differs."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        reference = base / "uninterrupted"
        _run(reference, overrides.split())
        keys = _keys(reference)
        print(f"uninterrupted: {len(keys):,} replies stored", flush=True)
        identical = 0
        for number in range(runs):
            directory = base / str(number)
            moments = sorted(rng.randrange(len(keys)) for _ in range(kills))
            stored = [_run_and_kill(directory, overrides.split(), moment) for moment in moments]
            _run(directory, overrides.split())
            found = _keys(directory)
            same = _tables(directory) == _tables(reference)
            difference = _largest_difference(directory, reference) if same else math.nan
            identical += same and found == keys
            print(
                f"run {number}: killed with {', '.join(f'{count:,}' for count in stored)} replies stored; "
                f"tables {'identical' if same else 'DIFFERENT'}, {len(keys - found)} replies lost, "
                f"{len(found - keys)} extra, values within {difference:.0e}",
                flush=True,
            )
    print(json.dumps({"runs": runs, "identical": identical}))
    raise typer.Exit(0 if identical == runs else 1)


def _command(directory: Path, overrides: list[str]) -> list[str]:
    ttc = str(Path(sys.executable).with_name("ttc"))
    return [ttc, "run", *overrides, f"hydra.run.dir={directory}", f"store.path={directory}.sqlite"]


def _run(directory: Path, overrides: list[str]) -> None:
    done = subprocess.run(_command(directory, overrides), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(done.args)} failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")


def _run_and_kill(directory: Path, overrides: list[str], moment: int) -> int:
    """Start a run and kill it once more than `moment` replies are stored; return how many were stored by then."""
    process = subprocess.Popen(
        _command(directory, overrides), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and _count(directory) <= moment:
        time.sleep(0.02)
    process.kill()
    process.wait()
    return len(_keys(directory))


def _count(directory: Path) -> int:
    """Return how many replies a running process has stored."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{directory}.sqlite?mode=ro", uri=True)) as connection:
            count: int = connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
            return count
    except sqlite3.OperationalError:  # no file or no table yet
        return 0


def _keys(directory: Path) -> set[bytes]:
    """Return the keys of all stored replies; no key may occur twice."""
    file = Path(f"{directory}.sqlite")
    if not file.exists():
        return set()
    with Store(file) as store:
        keys = [row[0] for row in store.rows()]
    assert len(set(keys)) == len(keys)
    return set(keys)


def _rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "problems.jsonl").open()]


def _values(directory: Path) -> list[float]:
    return [value for row in _rows(directory) for candidate in row["candidates"] for value in candidate["values"]]


def _largest_difference(a: Path, b: Path) -> float:
    """Return the largest difference between the verifier's values in two runs."""
    return max((abs(x - y) for x, y in zip(_values(a), _values(b), strict=True)), default=0.0)


def _tables(directory: Path) -> list[object]:
    """Return all that two runs must agree on byte by byte."""
    summary = json.loads((directory / "summary.json").read_text())
    rows = _rows(directory)
    for row in rows:
        for candidate in row["candidates"]:
            del candidate["values"]
    return [
        (directory / "accuracy.csv").read_bytes(),
        {key: value for key, value in summary.items() if key not in COSTS},
        [{key: value for key, value in row.items() if key not in COSTS} for row in rows],
    ]


if __name__ == "__main__":
    typer.run(main)
