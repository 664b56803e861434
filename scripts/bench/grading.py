"""Measure grading throughput on the candidates of a real run, against calling math-verify on every completion.

    python scripts/bench/grading.py
    python scripts/bench/grading.py --run outputs/my_run --plain 500

The plain side does what math-verify's own examples do: `verify(parse(gold), parse(completion))`, one pair at a time.
ttc extracts the answer, normalises it, compares structure where that suffices, and caches verdicts; every measurement
starts with an empty cache.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from common import report, run_config, timed

from ttc.execution.experiment import run_experiment
from ttc.grading import Grader, extract_answer
from ttc.runs.directory import RunDirectory

Row = tuple[str, str]
"""A gold answer and a completion."""


def main(
    run: Annotated[
        Path | None, typer.Option(help="Run directory; by default 64 samples each of 50 problems are generated.")
    ] = None,
    plain: Annotated[int, typer.Option(help="Number of completions that math-verify grades; it is slow.")] = 2000,
) -> None:
    """Print completions graded per second on both sides, and the ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = _rows(run or _sample(Path(scratch)))
    with Grader() as grader:
        grader.grade([("x+1", "1+x")])  # warm-up: starts a worker process
    verdicts, seconds = timed(lambda: _grade(rows, Grader()))
    distinct, distinct_seconds = timed(lambda: _grade(list(dict.fromkeys(rows)), Grader()))
    step = max(1, len(rows) // plain)
    some = rows[::step]  # spread over all problems
    plain_verdicts, plain_seconds = timed(lambda: [_math_verify(*row) for row in some])
    agreed = sum(ours == theirs for ours, theirs in zip(verdicts[::step], plain_verdicts, strict=True))
    report(
        f"grading {len(rows):,} completions",
        {
            "ttc, completions/s": len(rows) / seconds,
            "ttc, distinct completions only, completions/s": len(distinct) / distinct_seconds,
            f"math-verify, {len(some):,} of them, completions/s": len(some) / plain_seconds,
            "share on which both agree": agreed / len(some),
        },
        {
            "with_memo_over_math_verify": (len(rows) / seconds) / (len(some) / plain_seconds),
            "distinct_over_math_verify": (len(distinct) / distinct_seconds) / (len(some) / plain_seconds),
        },
    )


def _sample(scratch: Path) -> Path:
    """Run 64 samples of each of 50 problems; return the run directory."""
    run_experiment(run_config("strategy=majority", "budget=64", "data.limit=50", "store=off"), scratch / "run")
    return scratch / "run"


def _rows(run: Path) -> list[Row]:
    return [(record.gold, candidate.text) for record in RunDirectory(run).records() for candidate in record.candidates]


def _grade(rows: list[Row], grader: Grader) -> list[bool]:
    with grader:
        return grader.grade([(extract_answer(completion), gold) for gold, completion in rows])


def _math_verify(gold: str, completion: str) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(f"${gold}$"), parse(completion)))


if __name__ == "__main__":
    typer.run(main)
