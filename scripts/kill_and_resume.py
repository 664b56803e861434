#!/usr/bin/env python
"""Kill a run at random moments with SIGKILL, resume it, and hold what it ends with against an unbroken run.

Every table must be the same, no reply may be missing from the store, and none may be there twice.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from ttc.store import Store

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
        before = time.monotonic()
        _run(base / "unbroken", overrides.split())
        seconds = time.monotonic() - before
        expected, keys = _tables(base / "unbroken"), _keys(base / "unbroken")
        print(f"unbroken: {seconds:.1f} s, {len(keys)} replies")
        failures = 0
        for number in range(runs):
            directory = base / str(number)
            moments = [rng.uniform(0.1, 0.98) * seconds for _ in range(kills)]
            kept = [_killed(directory, overrides.split(), moment) for moment in moments]
            _run(directory, overrides.split())
            same = _tables(directory) == expected
            found = _keys(directory)
            failures += not same or found != keys
            print(
                f"run {number}: killed after {', '.join(f'{moment:.1f}' for moment in moments)} s "
                f"with {', '.join(map(str, kept))} replies stored; table {'identical' if same else 'DIFFERS'}, "
                f"{len(keys - found)} lost, {len(found - keys)} too many"
            )
    print(json.dumps({"runs": runs, "identical": runs - failures}))
    raise typer.Exit(1 if failures else 0)


def _command(directory: Path, overrides: list[str]) -> list[str]:
    ttc = str(Path(sys.executable).with_name("ttc"))
    return [ttc, "run", *overrides, f"hydra.run.dir={directory}", f"store.path={directory}.sqlite"]


def _run(directory: Path, overrides: list[str]) -> None:
    subprocess.run(_command(directory, overrides), check=True, capture_output=True)


def _killed(directory: Path, overrides: list[str], moment: float) -> int:
    """Start a run, kill it after `moment` seconds; return how many replies it had stored."""
    process = subprocess.Popen(
        _command(directory, overrides), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return len(_keys(directory))


def _keys(directory: Path) -> set[bytes]:
    file = Path(f"{directory}.sqlite")
    if not file.exists():
        return set()
    with Store(file) as store:
        keys = [row[0] for row in store.rows()]
    assert len(set(keys)) == len(keys)
    return set(keys)


def _tables(directory: Path) -> list[object]:
    summary = json.loads((directory / "summary.json").read_text())
    rows = [json.loads(line) for line in (directory / "problems.jsonl").open()]
    return [
        (directory / "accuracy.csv").read_bytes(),
        {key: value for key, value in summary.items() if key not in SPENT},
        [{key: value for key, value in row.items() if key not in SPENT} for row in rows],
    ]


if __name__ == "__main__":
    typer.run(main)
