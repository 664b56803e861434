#!/usr/bin/env python
"""Grading throughput on the candidates of real runs, against calling math-verify on every completion.

The plain side is what math-verify's own examples do: `verify(parse(gold), parse(completion))`, one pair after another.
Ours extracts, normalises, decides by structure where that is enough, and remembers; it is timed with a fresh memo.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from bench_common import run_config, timed, told

from ttc.grading import Grader, extract_answer

Row = tuple[str, str]  # gold, completion


def main(
    run: Annotated[Path | None, typer.Option(help="A run directory; default: a best-of-64 of 50 problems.")] = None,
    plain: Annotated[int, typer.Option(help="Completions that the plain side grades; it is slow.")] = 2000,
) -> None:
    """Print completions graded a second on both sides and their ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = _rows(run or _made(Path(scratch)))
    with Grader() as grader:
        grader.grade([("x+1", "1+x")])  # starts a worker
    ours, seconds = timed(lambda: _graded(rows, Grader()))
    once, seconds_once = timed(lambda: _graded(list(dict.fromkeys(rows)), Grader()))
    step = max(1, len(rows) // plain)
    some = rows[::step]  # spread over all problems
    theirs, seconds_plain = timed(lambda: [_math_verify(*row) for row in some])
    agree = sum(mine == other for mine, other in zip(ours[::step], theirs, strict=True))
    told(
        f"grading {len(rows):,} completions",
        {
            "ttc, completions/s": len(rows) / seconds,
            "ttc on distinct completions alone, completions/s": len(once) / seconds_once,
            f"math-verify on {len(some):,} of them, completions/s": len(some) / seconds_plain,
            "verdicts on which both agree, share": agree / len(some),
        },
        {
            "with_memo_over_math_verify": (len(rows) / seconds) / (len(some) / seconds_plain),
            "distinct_over_math_verify": (len(once) / seconds_once) / (len(some) / seconds_plain),
        },
    )


def _made(scratch: Path) -> Path:
    from ttc.execution.experiment import run

    run(run_config("strategy=majority", "budget=64", "data.limit=50", "store=off"), scratch / "run")
    return scratch / "run"


def _rows(run: Path) -> list[Row]:
    from ttc.runs.directory import read_records

    return [(record.gold, candidate.text) for record in read_records(run) for candidate in record.candidates]


def _graded(rows: list[Row], grader: Grader) -> list[bool]:
    with grader:
        return grader.grade([(extract_answer(completion), gold) for gold, completion in rows])


def _math_verify(gold: str, completion: str) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(f"${gold}$"), parse(completion)))


if __name__ == "__main__":
    typer.run(main)
