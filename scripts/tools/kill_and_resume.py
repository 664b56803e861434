"""Stop a run or a sweep by a signal at random moments, resume it, and compare the result with an uninterrupted one.

    python scripts/tools/kill_and_resume.py
    python scripts/tools/kill_and_resume.py --runs 5 --kills 2 --overrides "strategy=mcts budget=8 data.limit=20"
    python scripts/tools/kill_and_resume.py --signals TERM,HUP,INT,INT+INT --overrides "-m budget=4,8 data.limit=20"

Moments are spread over the whole life of the process, from its imports to the writing of its tables. All tables,
candidates, answers and grades must be byte-identical, the store must hold the same replies, each once, and no process
and no draft may remain. A verifier's value that is recomputed in a different batch may differ in its last bits: the
largest difference is reported.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ttc.store.database import Store

COSTS = ("tokens", "flops", "seconds", "files")  # these depend on caches and clocks, which differ in a resumed run
SWEEP_COSTS = ("paper_flops", "full_flops", "seconds")
MARK = "TTC_KILL_AND_RESUME"  # an environment variable: it finds what a run has started, in whatever session
END_SECONDS = 30.0  # until the children of a killed process must have noticed
DOUBLE_SECONDS = 0.2  # between the two signals of INT+INT


@dataclass
class Report:
    """What was found out about one directory."""

    stops: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def main(
    runs: Annotated[int, typer.Option(help="Number of runs to stop.")] = 20,
    kills: Annotated[int, typer.Option(help="Signals to each run before it may finish.")] = 1,
    overrides: Annotated[str, typer.Option(help="Arguments of `ttc run`.")] = "strategy=beam budget=16 data.limit=40",
    signals: Annotated[str, typer.Option(help="KILL, TERM, HUP, INT or INT+INT; several take turns.")] = "KILL",
    seed: Annotated[int, typer.Option(help="Seed of the random moments.")] = 0,
) -> None:
    """Print one line per run; the exit code is 1 if any differs or leaves something behind."""
    rng = random.Random(seed)
    turns = signals.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        reference = Path(scratch) / "uninterrupted"
        duration = _run(reference, overrides.split())
        print(f"uninterrupted: {duration:.1f} s, {len(_keys(reference)):,} replies stored", flush=True)
        clean = 0
        for number in range(runs):
            directory, report = Path(scratch) / str(number), Report()
            for kill in range(kills):
                name = turns[(number * kills + kill) % len(turns)]
                _stop(directory, overrides.split(), name, rng.uniform(0, duration), report)
            _run(directory, overrides.split())
            _compare(directory, reference, report)
            clean += not report.faults
            print(f"run {number}: {'; '.join(report.stops)}: {', '.join(report.faults) or 'identical'}", flush=True)
    print(json.dumps({"overrides": overrides, "signals": signals, "runs": runs, "identical": clean}))
    raise typer.Exit(0 if clean == runs else 1)


def _start(directory: Path, overrides: list[str]) -> subprocess.Popen[str]:
    directory.mkdir(exist_ok=True)
    paths = [
        "hydra.run.dir=run",
        "hydra.sweep.dir=run",
        "store.path=store.sqlite",
    ]  # relative: equal in every directory
    return subprocess.Popen(
        [sys.executable, "-m", "ttc", "run", *overrides, *paths],
        cwd=directory,
        env=os.environ | {MARK: str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_default_interrupt,
    )


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it


def _run(directory: Path, overrides: list[str]) -> float:
    """Run to the end; return the seconds."""
    before = time.monotonic()
    process = _start(directory, overrides)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"the run failed with exit code {process.returncode}:\n{errors[-2000:]}")
    return time.monotonic() - before


def _stop(directory: Path, overrides: list[str], name: str, moment: float, report: Report) -> None:
    """Start a run, and send it a signal after that many seconds; note what it leaves behind."""
    process = _start(directory, overrides)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        for number, part in enumerate(name.split("+")):
            time.sleep(DOUBLE_SECONDS * (number > 0))
            process.send_signal(signal.Signals[f"SIG{part}"])
    _, errors = process.communicate()
    report.stops.append(f"{name} after {moment:.1f} s with {len(_keys(directory)):,} replies stored")
    code = signal.Signals[f"SIG{name.split('+')[0]}"].value
    # By the signal itself: while Python starts or ends, its default action applies.
    if process.returncode not in (0, -code, *([] if name == "KILL" else [128 + code])):
        report.faults.append(f"exit code {process.returncode}")
    if "Traceback" in errors or (name != "KILL" and process.returncode and len(errors.splitlines()) > 2):
        report.faults.append(f"printed {errors[-500:]!r}")
    if name != "KILL" and (drafts := _drafts(directory)):
        report.faults.append(f"left {drafts}")
    if not _all_ended(directory):
        report.faults.append(f"left processes {_processes(directory)}")


def _compare(directory: Path, reference: Path, report: Report) -> None:
    found, expected = _keys(directory), _keys(reference)
    if found != expected:
        report.faults.append(f"{len(expected - found)} replies lost, {len(found - expected)} extra")
    if _tables(directory) != _tables(reference):
        report.faults.append("tables DIFFERENT")
    elif (difference := _largest_difference(directory, reference)) > 0:
        report.stops.append(f"values within {difference:.0e}")
    if drafts := _drafts(directory):
        report.faults.append(f"left {drafts}")
    if not _all_ended(directory):
        report.faults.append(f"left processes {_processes(directory)}")


def _drafts(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob(".*") if path.suffix in (".rows", ".draft")]


def _all_ended(directory: Path) -> bool:
    limit = time.monotonic() + END_SECONDS
    while (running := _processes(directory)) and time.monotonic() < limit:
        time.sleep(0.1)
    return not running


def _processes(directory: Path) -> list[int]:
    """Return the processes that a run in the directory has started and that still run."""
    mark = f"{MARK}={directory}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):  # empty for one that has ended
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _keys(directory: Path) -> set[bytes]:
    """Return the keys of all stored replies; no key may occur twice."""
    file = directory / "store.sqlite"
    if not file.exists() or file.stat().st_size == 0:
        return set()
    with Store(file) as store:
        keys = [row[0] for row in store.rows()]
        assert store.damaged == 0
    assert len(set(keys)) == len(keys)
    return set(keys)


def _jobs(directory: Path) -> list[Path]:
    return sorted(summary.parent for summary in directory.rglob("summary.json"))


def _rows(job: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (job / "problems.jsonl").open()]


def _values(directory: Path) -> list[float]:
    rows = [row for job in _jobs(directory) for row in _rows(job)]
    return [value for row in rows for candidate in row["candidates"] for value in candidate["values"]]


def _largest_difference(a: Path, b: Path) -> float:
    """Return the largest difference between the verifier's values in two directories."""
    one, other = _values(a), _values(b)
    return (
        max((abs(x - y) for x, y in zip(one, other, strict=True)), default=0.0) if len(one) == len(other) else math.inf
    )


def _tables(directory: Path) -> list[object]:
    """Return all that two directories must agree on byte by byte."""
    found: list[object] = [str(job.relative_to(directory)) for job in _jobs(directory)]
    for job in _jobs(directory):
        summary = json.loads((job / "summary.json").read_text())
        rows = _rows(job)
        for row in rows:
            for candidate in row["candidates"]:
                del candidate["values"]
        found += [
            (job / "accuracy.csv").read_bytes(),
            {key: value for key, value in summary.items() if key not in COSTS},
            [{key: value for key, value in row.items() if key not in COSTS} for row in rows],
        ]
    for sweep in sorted(directory.rglob("sweep.csv")):
        with sweep.open(newline="") as lines:
            found += [
                {key: cell for key, cell in row.items() if key not in SWEEP_COSTS} for row in csv.DictReader(lines)
            ]
    return found


if __name__ == "__main__":
    typer.run(main)
