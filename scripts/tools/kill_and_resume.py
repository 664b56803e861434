#!/usr/bin/env python
"""Kill a run with SIGKILL at random moments of its work, resume it, and hold the end against an unbroken run.

Every table must be the same, and every candidate, answer and grade, byte for byte; no reply may be missing from the
store, and none may be there twice. A verifier's value that is computed anew, in a batch with others than before, may
differ in its last bits: the largest difference is told.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ttc.store.database import Store

SPENT = ("tokens", "flops", "seconds")  # what a resumed run saw of caches and clocks differs


def main(
    runs: Annotated[int, typer.Option(help="Runs that are killed.")] = 20,
    kills: Annotated[int, typer.Option(help="Kills of each before it may end.")] = 1,
    overrides: Annotated[str, typer.Option(help="What `ttc run` is told.")] = "strategy=beam budget=16 data.limit=40",
    seed: Annotated[int, typer.Option(help="Of the random moments.")] = 0,
) -> None:
    """Print a line for each run; exit code 1 if any of them differs."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        _run(base / "unbroken", overrides.split())
        expected, keys = _tables(base / "unbroken"), _keys(base / "unbroken")
        values = _values(base / "unbroken")
        print(f"unbroken: {len(keys):,} replies stored", flush=True)
        identical = 0
        for number in range(runs):
            directory = base / str(number)
            moments = sorted(rng.randrange(len(keys)) for _ in range(kills))
            kept = [_killed(directory, overrides.split(), moment) for moment in moments]
            _run(directory, overrides.split())
            found = _keys(directory)
            same = _tables(directory) == expected
            apart = max(map(abs, map(float.__sub__, _values(directory), values)), default=0.0) if same else math.nan
            identical += same and found == keys
            print(
                f"run {number}: killed with {', '.join(f'{count:,}' for count in kept)} replies stored; "
                f"table {'identical' if same else 'DIFFERS'}, {len(keys - found)} lost, {len(found - keys)} too many, "
                f"values within {apart:.0e}",
                flush=True,
            )
    print(json.dumps({"runs": runs, "identical": identical}))
    raise typer.Exit(0 if identical == runs else 1)


def _command(directory: Path, overrides: list[str]) -> list[str]:
    ttc = str(Path(sys.executable).with_name("ttc"))
    return [ttc, "run", *overrides, f"hydra.run.dir={directory}", f"store.path={directory}.sqlite"]


def _run(directory: Path, overrides: list[str]) -> None:
    subprocess.run(_command(directory, overrides), check=True, capture_output=True)


def _killed(directory: Path, overrides: list[str], moment: int) -> int:
    """Start a run and kill it as soon as more than `moment` replies are stored; return how many there were then."""
    process = subprocess.Popen(
        _command(directory, overrides), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and _count(directory) <= moment:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(_keys(directory))


def _count(directory: Path) -> int:
    """How many replies a running process has stored."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{directory}.sqlite?mode=ro", uri=True)) as connection:
            count: int = connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
            return count
    except sqlite3.OperationalError:  # no file or no table yet
        return 0


def _keys(directory: Path) -> set[bytes]:
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


def _tables(directory: Path) -> list[object]:
    summary = json.loads((directory / "summary.json").read_text())
    rows = _rows(directory)
    for row in rows:
        for candidate in row["candidates"]:
            del candidate["values"]
    return [
        (directory / "accuracy.csv").read_bytes(),
        {key: value for key, value in summary.items() if key not in SPENT},
        [{key: value for key, value in row.items() if key not in SPENT} for row in rows],
    ]


if __name__ == "__main__":
    typer.run(main)
