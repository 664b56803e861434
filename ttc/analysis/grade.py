"""`ttc grade`: the completions of a file against their gold answers, or the answers of a finished run once more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from ttc.analysis.accuracy import PASS1, summarize
from ttc.analysis.chains import chain_summary
from ttc.analysis.intervals import wilson
from ttc.analysis.tables import run_table
from ttc.errors import UserError
from ttc.files import jsonl_row, read_jsonl, write_lines
from ttc.grading import TIMEOUT_SECONDS, Grader, extract_answer, gold_answer
from ttc.runs.directory import RunDirectory
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation

_ROWS_AT_ONCE = 256
_EXAMPLE = '{"gold": "1/2", "completion": "so \\\\boxed{0.5}"}'
_HINT = f"a row is one object per line, such as {_EXAMPLE}."

StoredRow = dict[str, Any]
Entry = dict[str, Any]  # {"answer": str | None, "correct": bool}, in a row or being one


@dataclass(frozen=True, slots=True)
class GradeReport:
    """The accuracy of a graded file. `ci95` is a Wilson interval; `timed_out` pairs met the time limit (wrong)."""

    n: int
    correct: int
    accuracy: float
    ci95: tuple[float, float]
    unanswered: int
    timed_out: int
    written: Path | None

    def __str__(self) -> str:
        low, high = self.ci95
        lines = [f"accuracy {self.accuracy:.1%} ({self.correct} of {self.n}; 95% interval {low:.1%} to {high:.1%})"]
        if self.unanswered:
            lines.append(f"{self.unanswered} without an answer (wrong)")
        if self.timed_out:
            lines.append(f"{self.timed_out} stopped at the grading limit (wrong)")
        if self.written:
            lines.append(f"written to {self.written}")
        return "\n".join(lines)

    def __rich__(self) -> Text:
        return Text(str(self))  # a path may contain what rich takes for markup


def grade_path(
    path: str | Path, out: str | Path | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> GradeReport:
    """Grade a file of completions (see `grade_completions`) or a run directory (see `regrade_run`).

    Raises:
        UserError: something is wrong with a file; then nothing is written.
    """
    source, target = Path(path), Path(out) if out is not None else None
    if target and (target.is_dir() or not target.parent.is_dir()):
        raise UserError(f"out={target}: must be a file in a directory that exists; choose another.")
    with Grader(timeout_seconds) as grader:
        if source.is_dir():
            return regrade_run(RunDirectory(source), grader, target)
        return grade_completions(source, grader, target)


def grade_completions(file: Path, grader: Grader, target: Path | None = None) -> GradeReport:
    """Grade the rows of a JSONL file with `gold` and `completion`.

    Rows keep all their fields and get `extracted` and `correct`; they are written to `target`, if there is one.
    """
    places, rows = _read_rows(file, _HINT)
    golds = [_checked_gold(row, place) for row, place in zip(rows, places, strict=True)]
    for row in rows:
        row["extracted"] = extract_answer(row["completion"])
    _grade(rows, "extracted", golds, grader)
    if target:
        _write(target, (json.dumps(row, ensure_ascii=False) for row in rows))
    return _report(rows, sum(row["extracted"] is None for row in rows), grader, target)


def regrade_run(run: RunDirectory, grader: Grader, target: Path | None = None) -> GradeReport:
    """Grade a finished run's candidates and selections again, and rebuild its tables; what was selected stays.

    The graded rows are written to `target` or, without one, with their tables into the run directory itself.
    """
    summary = run.summary()
    missing = [key for key in ("selection", "selections") if key not in summary]
    if missing:
        raise UserError(f"{run.summary_file} has no {missing[0]}; finish the run, then grade it.")
    selection = str(summary["selection"])
    places, rows = _read_rows(run.problems_file, "give a finished run's directory.")
    entries: list[Entry] = []
    golds: list[str] = []
    for row, place in zip(rows, places, strict=True):
        found = _checked_entries(row, place, selection)
        entries += found
        golds += [row["gold"]] * len(found)
    _grade(entries, "answer", golds, grader)
    for row in rows:
        row["oracle"] = any(candidate["correct"] for candidate in row["candidates"])
        row["correct"] = row["selected"][selection]["correct"]
    if target:
        _write(target, map(jsonl_row, rows))
    else:
        _rewrite(run, summary, rows, places)
    unanswered = sum(row["selected"][selection]["answer"] is None for row in rows)
    return _report(rows, unanswered, grader, target or run.problems_file)


def _rewrite(run: RunDirectory, summary: dict[str, Any], rows: Sequence[StoredRow], places: Sequence[str]) -> None:
    """Write all files of the run; everything is computed before the first of them is replaced."""
    records = []
    for row, place in zip(rows, places, strict=True):
        try:
            records.append(ProblemRecord.from_json(row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{place} is not a row of a run ({error}); run the experiment again.") from None
    table = run_table(
        records,
        independent=PASS1 in summary["selections"],
        aggregation=Aggregation(summary.get("aggregation", Aggregation.last)),
        seed=summary.get("seed", 0),
    )
    run.write(summary | summarize(table, summary["selection"]) | chain_summary(records), table, map(jsonl_row, rows))


def _report(rows: Sequence[StoredRow], unanswered: int, grader: Grader, written: Path | None) -> GradeReport:
    n, correct = len(rows), sum(row["correct"] for row in rows)
    return GradeReport(n, correct, correct / n, wilson(correct, n), unanswered, grader.timed_out, written)


def _grade(entries: Sequence[Entry], field: str, golds: Sequence[str], grader: Grader) -> None:
    """Set `correct` of every entry from its answer in `field`."""
    for start in range(0, len(entries), _ROWS_AT_ONCE):
        chunk = entries[start : start + _ROWS_AT_ONCE]
        pairs = [(entry[field], gold) for entry, gold in zip(chunk, golds[start:], strict=False)]
        for entry, verdict in zip(chunk, grader.grade(pairs), strict=True):
            entry["correct"] = verdict


def _read_rows(file: Path, hint: str) -> tuple[list[str], list[StoredRow]]:
    """Return the rows of a JSONL file and the place of each."""
    places, rows = [], []
    for place, row in read_jsonl(file, hint=hint):
        if not isinstance(row, dict):
            raise UserError(f"{place} is not a JSON object; {hint}")
        places.append(place)
        rows.append(row)
    if not rows:
        raise UserError(f"{file} has no rows; {hint}")
    return places, rows


def _checked_gold(row: StoredRow, place: str) -> str:
    gold, completion = row.get("gold"), row.get("completion")
    if isinstance(gold, int | float) and not isinstance(gold, bool):
        gold = str(gold)
    if not isinstance(gold, str) or not gold.strip():
        raise UserError(f"{place}: gold={gold!r} is not an answer; every row needs one, such as {_EXAMPLE}.")
    if not isinstance(completion, str):
        raise UserError(f"{place}: completion={completion!r} is not text; every row needs one, such as {_EXAMPLE}.")
    return gold_answer(gold)


def _checked_entries(row: StoredRow, place: str, selection: str) -> list[Entry]:
    """Return what is to be graded of a stored problem: its candidates and its selected answers."""
    candidates, selected = row.get("candidates"), row.get("selected")
    if not isinstance(row.get("gold"), str) or not isinstance(candidates, list) or not isinstance(selected, dict):
        raise UserError(f"{place}: a stored problem has gold, candidates and selected; run the experiment again.")
    if selection not in selected:
        raise UserError(f"{place}: selected has no {selection}, the run's selection; run the experiment again.")
    entries = [*candidates, *selected.values()]
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("answer", 0), str | None):
            raise UserError(
                f"{place}: a candidate or selection lacks its answer (text or null); run the experiment again."
            )
    return entries


def _write(target: Path, lines: Iterable[str]) -> None:
    try:
        write_lines(target, lines)
    except OSError as error:
        raise UserError(f"out={target} cannot be written ({error.strerror}); choose another file.") from None
