"""An import becomes a run directory like that of `ttc run`: graded, selected and tabled, without a model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.app.imports import PreparedImport
from ttc.app.new_run import check_out, write_new_run
from ttc.cost import Tokens
from ttc.data.sampled.rows import SampledProblem
from ttc.data.sampled.scales import Scaling
from ttc.difficulty.table import DifficultyKind, DifficultyTable
from ttc.execution.recorder import RecordBuilder
from ttc.execution.runner import Outcome
from ttc.execution.summary import grading_notes, strategy_name, summarize_records
from ttc.files import jsonl_row
from ttc.grading import TIMEOUT_SECONDS, Grader, extract_answer
from ttc.hashing import digest
from ttc.models import ModelId
from ttc.progress_bar import ProgressBar
from ttc.runs.columns import CandidateColumns
from ttc.runs.identity import RunIdentity
from ttc.runs.records import ProblemRecord
from ttc.selection import SelectionRule
from ttc.strategies.base import config_of
from ttc.strategies.parallel import BestOfN, Majority
from ttc.terminal import printable_line
from ttc.types import Candidate, FinishReason, Step, Trace

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3


@dataclass(frozen=True)
class ImportedRun:
    """What was written: the content of summary.json and of accuracy.csv."""

    summary: dict[str, Any]
    table: pd.DataFrame


@dataclass(frozen=True)
class _Graded:
    """The records of all problems without their texts, their rows with texts, and how the files' verdicts compare."""

    records: list[ProblemRecord]
    rows: list[str]
    notes: list[str]
    seconds: float
    timed_out: int


def write_import(prepared: PreparedImport, out: Path) -> ImportedRun:
    """Grade an import and write its run directory, or nothing.

    Raises:
        UserError: the directory cannot be written, or holds something else.
        RunError: the disk is full, or grading cannot start.
    """
    from ttc.analysis.tables import run_table

    identity = RunIdentity(prepared.digest)
    check_out(out, identity)
    settings = prepared.settings
    started_at = time.perf_counter()
    graded = _graded(prepared)
    table = run_table(graded.records, independent=True, aggregation=settings.aggregation, seed=settings.seed)
    summary = _summary(prepared, graded, table)
    summary["seconds"] = {"grade": graded.seconds, "total": time.perf_counter() - started_at}
    write_new_run(out, identity, summary, table, graded.rows)
    return ImportedRun(summary, table)


def _graded(prepared: PreparedImport) -> _Graded:
    started_at = time.perf_counter()
    selection = SelectionRule.weighted if prepared.is_scored else SelectionRule.majority
    builder = RecordBuilder(selection, prepared.settings.aggregation)
    problems = sorted(prepared.problems, key=lambda problem: problem.problem.id)
    with Grader() as grader:
        with ProgressBar("grading", len(problems)) as bar:
            found = {}
            for problem in problems:
                found[problem.problem.id] = _record(problem, prepared.scaling, builder, grader)
                if bar.is_due:
                    bar.show(len(found))
        notes = grading_notes(TIMEOUT_SECONDS, grader)
    quintiles = DifficultyTable(DifficultyKind.oracle, {id_: record.pass1 for id_, record in found.items()}).quintiles()
    records, rows = [], []
    for problem in problems:
        record = replace(found.pop(problem.problem.id), quintile=quintiles[problem.problem.id])
        rows.append(jsonl_row(record.to_json() | {"tokens": known_tokens([problem])}))
        slim = CandidateColumns([replace(candidate, text="") for candidate in record.candidates])
        records.append(replace(record, candidates=slim, question=None))
    notes += _verdict_notes(problems, records)
    return _Graded(records, rows, notes, time.perf_counter() - started_at, grader.timed_out)


def _record(problem: SampledProblem, scaling: Scaling, builder: RecordBuilder, grader: Grader) -> ProblemRecord:
    """Grade a problem's candidates and selections; the answers are those that ttc itself reads in the texts."""
    candidates = [
        Candidate(
            Trace(problem.problem, (Step(completion.text, ()),), completion.finish),
            tuple(map(scaling.value, completion.scores)),
            None if completion.finish is FinishReason.LENGTH else extract_answer(completion.text),
        )
        for completion in problem.completions
    ]
    record = builder.build(Outcome(problem.problem, candidates, Tokens()), grader)
    counted = zip(record.candidates, problem.completions, strict=True)
    return replace(
        record,
        question=problem.problem.question or None,
        candidates=tuple(replace(candidate, tokens=completion.tokens) for candidate, completion in counted),
    )


def known_tokens(problems: Sequence[SampledProblem]) -> dict[str, int]:
    """Return what is known of the tokens that problems took: those that were decoded, or nothing."""
    counts = [completion.tokens for problem in problems for completion in problem.completions]
    known = [count for count in counts if count is not None]
    return {"decoded": sum(known)} if len(known) == len(counts) else {}


def _summary(prepared: PreparedImport, graded: _Graded, table: pd.DataFrame) -> dict[str, Any]:
    settings, scored = prepared.settings, prepared.is_scored
    steps = any(len(completion.scores) > 1 for problem in prepared.problems for completion in problem.completions)
    strategy = BestOfN(step_values=steps) if scored else Majority()
    verifier = settings.verifier if scored else None
    selection = SelectionRule.weighted if scored else SelectionRule.majority
    return {
        **summarize_records(graded.records, table, selection, settings.aggregation, independent=True),
        "strategy": strategy_name(strategy),
        "budget": prepared.budget,
        "seed": settings.seed,
        "aggregation": str(settings.aggregation),
        "generator": prepared.generator,
        "prm": verifier,
        "data": prepared.name,
        "strategy_config": config_of(strategy),
        "models": {"generator": _model("generator", prepared.generator), "prm": verifier and _model("prm", verifier)},
        "tokens": known_tokens(prepared.problems),
        "difficulty": {"kind": str(DifficultyKind.oracle)},
        "n_problems_available": len(graded.records),
        "grading_timeouts": graded.timed_out,
        "imported": prepared.origin,
        "notes": [*prepared.notes, *graded.notes],
    }


def _model(kind: str, name: str) -> dict[str, Any]:
    """Return which model made the samples or scores, as far as its name tells."""
    return ModelId(name, digest("imported", kind, name).hex()).to_json() | {"shape": None}


def _verdict_notes(problems: Sequence[SampledProblem], records: Sequence[ProblemRecord]) -> Iterator[str]:
    """Say how often ttc's grades differ from those of the files; nothing where these have none."""
    judged, differing = 0, list[str]()
    for problem, record in zip(problems, records, strict=True):
        for completion, candidate in zip(problem.completions, record.candidates, strict=True):
            if completion.verdict is not None:
                judged += 1
                differing += [record.id] * (completion.verdict is not candidate.correct)
    if differing:
        ids = ", ".join(printable_line(id_, 60) for id_ in list(dict.fromkeys(differing))[:EXAMPLES])
        yield f"ttc grades {len(differing):,} of {judged:,} completions unlike the rows do, e.g. of {ids}"
    elif judged:
        yield f"ttc grades all {judged:,} completions as the rows do"
