"""The records of a small run, and the run directory that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ttc.analysis.accuracy import summarize
from ttc.analysis.tables import run_table
from ttc.cost import Tokens
from ttc.files import jsonl_row
from ttc.runs.directory import RunDirectory
from ttc.runs.identity import RunIdentity
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer


def record(
    id_: str,
    correct: Mapping[str, bool],
    share: float = 0.5,
    quintile: int | None = None,
    level: int | None = None,
) -> ProblemRecord:
    """Return a problem with four candidates, of which `share` are correct, and with each selection's grade.

    The gold answer is 1; wrong answers are 2.
    """
    grades = [i < 4 * share for i in range(4)]
    return ProblemRecord(
        id=id_,
        gold="1",
        correct=correct.get("weighted", False),
        selected={name: SelectedAnswer("1" if grade else "2", grade) for name, grade in correct.items()},
        oracle=any(grades),
        candidates=tuple(CandidateRecord("…", "1" if g else "2", g, "stop", (0.25, 0.1), 7) for g in grades),
        quintile=quintile,
        level=level,
        generations=4,
        tokens=Tokens(10, 0, 28, 30),
    )


def records() -> list[ProblemRecord]:
    solved = {"majority": True, "best": False, "weighted": True}
    unsolved = {"majority": False, "best": False, "weighted": True}
    return [
        record("a", solved, 1.0, 1, 2),
        record("b", unsolved, 0.5, 5, 2),
        record("c", {**unsolved, "weighted": False}, 0.0, 5, 4),
        record("d", solved, 0.75, None, None),
    ]


def write_run(
    directory: Path,
    rows: Sequence[ProblemRecord] = (),
    *,
    overrides: Sequence[str] | None = None,
    identity: RunIdentity | None = None,
    **entries: object,
) -> RunDirectory:
    """Write a finished run of `rows` (or of `records()`).

    Args:
        overrides: the command line, as Hydra records it; None: Hydra has left no record.
        identity: what the summary records of the run; None: an older version wrote it.
        entries: keys of summary.json that are added or replaced.
    """
    rows = rows or records()
    table = run_table(rows, independent=True)
    summary: dict[str, Any] = {
        **summarize(table, "weighted"),
        **{"strategy": "best_of_n", "budget": 4, "seed": 0, "aggregation": "last"},
        **{"generator": "pocket", "prm": "pocket", "data": "pocket"},
        **{"generations": 4 * len(rows), "flops": {"paper": 6, "full": 12}},
        **entries,
        **(identity.entries() if identity else {}),
    }
    run = RunDirectory(directory)
    run.write(summary, table, rows_of(rows))
    if overrides is not None:
        (directory / ".hydra").mkdir()
        (directory / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
    return run


def rows_of(rows: Sequence[ProblemRecord]) -> list[str]:
    """Return the lines of problems.jsonl."""
    return [jsonl_row(row.to_json()) for row in rows]
