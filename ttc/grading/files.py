"""Grades what is stored: rows of gold and completion, or once more the answers in a run directory."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from ttc.errors import UserError
from ttc.grading.extract import extract_answer, gold_answer
from ttc.grading.grader import TIMEOUT_SECONDS, Grader

PROBLEMS = "problems.jsonl"
SUMMARY = "summary.json"
_ROWS_AT_ONCE = 256
_ROW = '{"gold": "1/2", "completion": "so \\\\boxed{0.5}"}'

Row = dict[str, Any]
Place = str  # "rows.jsonl:7"
Entry = dict[str, Any]  # {"answer": str | None, "correct": bool}, in a row or being one
Progress = Callable[[int, int], None]
"""Told, now and then, how many rows are graded and how many there are."""


@dataclass(frozen=True, slots=True)
class GradeReport:
    """What a graded file comes to. `ci95` is a Wilson interval; `timed_out` pairs met the time limit (wrong)."""

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
        return Text(str(self))  # a path may hold what rich takes for markup


def grade_file(
    path: str | Path,
    out: str | Path | None = None,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> GradeReport:
    """Grade a JSONL file of `gold` and `completion`, or the stored answers of a run directory once more.

    Rows keep all their fields and get `extracted` and `correct`; they are written to `out`, or nowhere without it.
    A run directory gets every verdict anew, in `out` or else in its own problems.jsonl; what was selected stays.
    A file appears whole or not at all. Raises UserError for anything wrong with the files.
    """
    source = Path(path)
    is_run = source.is_dir()
    file = source / PROBLEMS if is_run else source
    target = Path(out) if out is not None else (file if is_run else None)
    if target and (target.is_dir() or not target.parent.is_dir()):
        raise UserError(f"out={target}: graded rows go to a file in a directory that exists; name one.")
    places, rows = _read(file)
    with Grader(timeout_seconds, workers) as grader:
        unanswered = (
            _grade_run(rows, places, _selection(source), grader, progress)
            if is_run
            else _grade_completions(rows, places, grader, progress)
        )
    if target:
        _write(target, rows)
    correct = sum(row["correct"] for row in rows)
    return GradeReport(
        len(rows), correct, correct / len(rows), wilson(correct, len(rows)), unanswered, grader.timed_out, target
    )


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a proportion (Wilson 1927); it holds at 0 and at n too."""
    z = 1.959964
    middle, spread = correct + z * z / 2, z * math.sqrt(correct * (n - correct) / n + z * z / 4)
    return max(0.0, (middle - spread) / (n + z * z)), min(1.0, (middle + spread) / (n + z * z))


def _grade_completions(rows: list[Row], places: list[Place], grader: Grader, progress: Progress | None) -> int:
    """Add `extracted` and `correct` to every row; return how many state no answer."""
    golds = [_completion_gold(row, place) for row, place in zip(rows, places, strict=True)]
    for row in rows:
        row["extracted"] = extract_answer(row["completion"])
    _grade(rows, "extracted", golds, grader, progress)
    return sum(row["extracted"] is None for row in rows)


def _grade_run(rows: list[Row], places: list[Place], selection: str, grader: Grader, progress: Progress | None) -> int:
    """Renew the verdicts of candidates and selections; return how many problems have no selected answer."""
    entries: list[Entry] = []
    golds: list[str] = []
    for row, place in zip(rows, places, strict=True):
        found = _entries(row, place, selection)
        entries += found
        golds += [row["gold"]] * len(found)
    _grade(entries, "answer", golds, grader, progress)
    for row in rows:
        row["oracle"] = any(candidate["correct"] for candidate in row["candidates"])
        row["correct"] = row["selected"][selection]["correct"]
    return sum(row["selected"][selection]["answer"] is None for row in rows)


def _grade(entries: list[Entry], field: str, golds: list[str], grader: Grader, progress: Progress | None) -> None:
    """Set `correct` of every entry from its answer in `field`."""
    for start in range(0, len(entries), _ROWS_AT_ONCE):
        chunk = entries[start : start + _ROWS_AT_ONCE]
        pairs = [(entry[field], gold) for entry, gold in zip(chunk, golds[start:], strict=False)]
        for entry, verdict in zip(chunk, grader.grade(pairs), strict=True):
            entry["correct"] = verdict
        if progress:
            progress(start + len(chunk), len(entries))


def _completion_gold(row: Row, place: Place) -> str:
    gold, completion = row.get("gold"), row.get("completion")
    if isinstance(gold, int | float) and not isinstance(gold, bool):
        gold = str(gold)
    if not isinstance(gold, str) or not gold.strip():
        raise UserError(f"{place}: gold={gold!r} is not an answer; every row needs one, such as {_ROW}.")
    if not isinstance(completion, str):
        raise UserError(f"{place}: completion={completion!r} is not a text; every row needs one, such as {_ROW}.")
    return gold_answer(gold)


def _entries(row: Row, place: Place, selection: str) -> list[Entry]:
    """Return what a stored problem has to grade: its candidates and its selected answers."""
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


def _selection(directory: Path) -> str:
    """Return the configured selection of a run, by which its accuracy is told."""
    try:
        selection = json.loads((directory / SUMMARY).read_text(encoding="utf-8"))["selection"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{directory / SUMMARY} names no selection; finish the run, then grade it.") from None
    return str(selection)


def _read(file: Path) -> tuple[list[Place], list[Row]]:
    """Return the rows of a JSONL file and the place of each; blank lines are passed over."""
    places, rows = [], []
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: U+2028 may stand in a JSON text
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise UserError(
            f"{file} cannot be read ({error.strerror}); give a JSONL file of gold and completion, or a run directory."
        ) from None
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{file}:{line_number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place} is not JSON ({error}); a row is one object a line, such as {_ROW}.") from None
        if not isinstance(row, dict):
            raise UserError(f"{place} is not a JSON object; a row is one object a line, such as {_ROW}.")
        places.append(place)
        rows.append(row)
    if not rows:
        raise UserError(f"{file} has no rows; a row is one object a line, such as {_ROW}.")
    return places, rows


def _write(target: Path, rows: list[Row]) -> None:
    """Replace `target` in one step: neither an error nor an interruption leaves half of it."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        # backslashreplace: half a surrogate pair, which UTF-8 refuses, becomes the \udXXX that JSON has for it
        with draft.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, target)
    except OSError as error:
        raise UserError(f"out={target} cannot be written ({error.strerror}); name another file.") from None
    finally:
        draft.unlink(missing_ok=True)
