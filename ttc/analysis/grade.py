"""`ttc grade`: the completions of a file against their gold answers, or the answers of a finished run once more."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ttc.analysis.accuracy import PASS1, summarize
from ttc.analysis.chains import chain_summary
from ttc.analysis.grade_report import GradeReport
from ttc.analysis.intervals import wilson
from ttc.analysis.tables import run_table
from ttc.data.fields import is_number
from ttc.errors import RunError, UserError
from ttc.files import check_output, jsonl_row, read_jsonl, write_lines, written_for
from ttc.grading import TIMEOUT_SECONDS, AnswerGrader, Grading, MathGrader, grade_against_any
from ttc.runs.directory import RunDirectory, parse_record, unique_records
from ttc.runs.holding import hold
from ttc.runs.records import alternatives_of
from ttc.selection import Aggregation
from ttc.terminal import printable_line

WORKERS = 2  # that grade
_ROWS_AT_ONCE = 256
_EXAMPLE = '{"gold": "1/2", "completion": "so \\\\boxed{0.5}"}'
_HINT = f"a row is one object per line, such as {_EXAMPLE}."

StoredRow = dict[str, Any]
Entry = dict[str, Any]  # {"answer": str | None, "correct": bool}, in a row or being one


def grade_path(
    path: str | Path,
    out: str | Path | None = None,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    units: bool = False,
    grader: str | None = None,
) -> GradeReport:
    """Grade a file of completions (see `grade_completions`) or a run directory (see `regrade_run`).

    Args:
        path: of the file or the directory.
        out: where the graded rows are written.
        timeout_seconds: limit of processor time for one answer.
        units: whether units are compared.
        grader: of a file, by its name or the dotted path of its class; None: math. A run is graded by its own.

    Raises:
        UserError: something is wrong with a file; then nothing is written.
    """
    source, target = Path(path), Path(out) if out is not None else None
    if target:
        check_output(target, "--out")
    is_run = os.path.isdir(source)  # False too for a name that is too long
    if is_run and grader is not None:
        raise UserError(f"--grader {grader}: {source} is a run, which is graded by its own grader; leave it away.")
    used = _grader_of(RunDirectory(source)) if is_run else _named(grader)
    used.check()
    with used.open(timeout_seconds, WORKERS, units) as grading:
        if is_run:
            return regrade_run(RunDirectory(source), used, grading, target)
        return grade_completions(source, used, grading, target)


def _named(grader: str | None) -> AnswerGrader:
    from ttc.grading.loading import named_grader

    return MathGrader() if grader is None else named_grader(grader, f"--grader {grader}")


def _grader_of(run: RunDirectory) -> AnswerGrader:
    """Return the grader that a run's summary names; math, if it names none."""
    from ttc.grading.loading import load_grader

    config = run.summary().get("grader_config")
    if config is None:
        return MathGrader()
    if not isinstance(config, dict):
        raise UserError(f"{run.summary_file}: grader_config={_shown(config)} is not what a run writes; run it again.")
    return load_grader(config, f"{run.summary_file}: grader_config")


def grade_completions(file: Path, grader: AnswerGrader, grading: Grading, target: Path | None = None) -> GradeReport:
    """Grade the rows of a JSONL file with `gold` and `completion`.

    Rows keep all their fields and get `extracted` and `correct`; they are written to `target`, if there is one.
    """
    places, rows = _read_rows(file, _HINT)
    golds = [[_checked_gold(row, place, grader)] for row, place in zip(rows, places, strict=True)]
    for row in rows:
        row["extracted"] = grader.extract(row["completion"])
    _grade(rows, "extracted", golds, grading)
    if target:
        _write(target, (json.dumps(row, ensure_ascii=False) for row in rows))
    return _report(rows, sum(row["extracted"] is None for row in rows), grading, target)


def regrade_run(run: RunDirectory, grader: AnswerGrader, grading: Grading, target: Path | None = None) -> GradeReport:
    """Grade a finished run's candidates and selections again, and rebuild its tables; what was selected stays.

    The graded rows are written to `target` or, without one, with their tables into the run directory itself.
    """
    if target and target.resolve() in {file.resolve() for file in run.files}:
        raise UserError(f"--out {target} is a file of the run; leave --out away to grade it in place.")
    with contextlib.nullcontext() if target else hold(run.path):
        return _regrade(run, grader, grading, target)


def _regrade(run: RunDirectory, grader: AnswerGrader, grading: Grading, target: Path | None) -> GradeReport:
    summary = _checked_summary(run)
    selection = summary["selection"]
    if target is None and not os.access(run.path, os.W_OK):
        raise UserError(f"{run.path} is not writable; give --out FILE to write the graded rows elsewhere.")
    places, rows = _read_rows(run.problems_file, "give a finished run's directory.")
    entries: list[Entry] = []
    golds: list[list[str]] = []
    for row, place in zip(rows, places, strict=True):
        found = _checked_entries(row, place, selection)
        entries += found
        golds += [_stored_golds(row, place, grader)] * len(found)
    _grade(entries, "answer", golds, grading)
    for row in rows:
        row["oracle"] = any(candidate["correct"] for candidate in row["candidates"])
        row["correct"] = row["selected"][selection]["correct"]
    if target:
        _write(target, map(jsonl_row, rows))
    else:
        _rewrite(run, summary, rows, places)
    unanswered = sum(row["selected"][selection]["answer"] is None for row in rows)
    return _report(rows, unanswered, grading, target or run.problems_file)


def _checked_summary(run: RunDirectory) -> dict[str, Any]:
    """Read all of the summary that grading needs."""
    summary = run.summary()
    fitting: dict[str, Callable[[Any], bool]] = {
        "selection": lambda value: isinstance(value, str),
        "selections": lambda value: isinstance(value, dict),
        "aggregation": lambda value: isinstance(value, str) and value in [*Aggregation],
        "seed": lambda value: type(value) is int and value >= 0,
    }
    defaults = {"aggregation": str(Aggregation.last), "seed": 0}  # older runs did not write them
    for name, fits in fitting.items():
        if name not in summary and name not in defaults:
            raise UserError(f"{run.summary_file} has no {name}; finish the run, then grade it.")
        if not fits(summary.setdefault(name, defaults.get(name))):
            raise UserError(
                f"{run.summary_file}: {name}={_shown(summary[name])} is not what a run writes; run the experiment "
                "again."
            )
    return summary


def _rewrite(run: RunDirectory, summary: dict[str, Any], rows: Sequence[StoredRow], places: Sequence[str]) -> None:
    """Write all files of the run; everything is computed before the first of them is replaced."""
    records = unique_records((parse_record(row, place), place) for row, place in zip(rows, places, strict=True))
    try:
        table = run_table(
            records,
            independent=PASS1 in summary["selections"],
            aggregation=Aggregation(summary["aggregation"]),
            seed=summary["seed"],
        )
        summary = summary | summarize(table, summary["selection"]) | chain_summary(records)
    except (ValueError, KeyError, OverflowError) as error:  # rows that no run makes, such as chains in some of them
        raise UserError(f"{run.problems_file} makes no tables ({error}); run the experiment again.") from None
    try:
        run.write(summary, table, map(jsonl_row, rows))
    except OSError as error:
        raise RunError(
            f"{run.path} cannot be written ({error.strerror}); nothing was changed: make room, or give --out FILE."
        ) from None


def _report(rows: Sequence[StoredRow], unanswered: int, grading: Grading, written: Path | None) -> GradeReport:
    n, correct = len(rows), sum(row["correct"] for row in rows)
    return GradeReport(n, correct, correct / n, wilson(correct, n), unanswered, grading.timed_out, written)


def _grade(entries: Sequence[Entry], field: str, golds: Sequence[Sequence[str]], grading: Grading) -> None:
    """Set `correct` of every entry from its answer in `field`."""
    for start in range(0, len(entries), _ROWS_AT_ONCE):
        chunk = entries[start : start + _ROWS_AT_ONCE]
        answered = [(entry[field], own) for entry, own in zip(chunk, golds[start:], strict=False)]
        for entry, verdict in zip(chunk, grade_against_any(grading, answered), strict=True):
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


def _checked_gold(row: StoredRow, place: str, grader: AnswerGrader) -> str:
    gold, completion = row.get("gold"), row.get("completion")
    if is_number(gold):
        gold = str(gold)
    if not isinstance(gold, str) or not gold.strip():
        raise UserError(f"{place}: gold={_shown(gold)} is not an answer; every row needs one, such as {_EXAMPLE}.")
    if not isinstance(completion, str):
        raise UserError(
            f"{place}: completion={_shown(completion)} is not text; every row needs one, such as {_EXAMPLE}."
        )
    return _gold(gold, place, grader)


def _gold(text: str, place: str, grader: AnswerGrader) -> str:
    try:
        return grader.gold(text)
    except ValueError as error:
        raise UserError(f"{place}: gold={_shown(text)}, {error}; choose another grader, or fix the row.") from None


def _stored_golds(row: StoredRow, place: str, grader: AnswerGrader) -> list[str]:
    try:
        return [_gold(text, place, grader) for text in (row["gold"], *alternatives_of(row))]
    except TypeError as error:
        raise UserError(f"{place}: {error}; run the experiment again.") from None


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)


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
    with written_for(target, "--out"):
        write_lines(target, lines)
