"""Small finished runs for the tests of the report: a beam search with its trees, revisions, and best-of-N."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttc.analysis.accuracy import summarize
from ttc.analysis.tables import run_table
from ttc.files import jsonl_row
from ttc.runs.directory import RunDirectory
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer
from ttc.runs.trees import SearchTree, tree_row

# Round 1 samples a, b; b is pruned. Round 2 samples c, d below a; d is pruned. Round 3 samples the ends e (right) and
# f (wrong), of which e twice.
TREE = SearchTree(
    parents=(-1, -1, 0, 0, 2, 2),
    texts=("Step $a^2$.\n", "Step b.\n", "Step c.\n", "Step d.\n", r"So \(\frac{1}{2}\).", "So 3."),
    values=(0.9, 0.1234, 0.8, 0.2, 0.95, 0.4),
    rounds=(1, 1, 2, 2, 3, 3),
    draws=(2, 1, 1, 2, 2, 1),
    finishes=("step", "step", "step", "step", "stop", "stop"),
    rollouts=(False,) * 6,
    candidates=(4, 4, 5),
)


def candidate(text: str, answer: str | None, correct: bool, *values: float, **more: Any) -> CandidateRecord:
    group = None if answer is None else int(correct)
    return CandidateRecord(text, answer, correct, "stop", values, 5, group=more.pop("group", group), **more)


def beam_record() -> ProblemRecord:
    right = candidate("Step $a^2$.\nStep c.\n" + r"So \(\frac{1}{2}\).", r"\frac{1}{2}", True, 0.9, 0.8, 0.95)
    wrong = candidate("Step $a^2$.\nStep c.\nSo 3.", "3", False, 0.9, 0.8, 0.4)
    return problem("beam/1", [right, right, wrong], gold=r"\frac{1}{2}", quintile=1)


def problem(id_: str, candidates: Sequence[CandidateRecord], **more: Any) -> ProblemRecord:
    """Return a record whose selections all chose the first candidate's answer, unless `more` says otherwise."""
    first = candidates[0]
    chosen = SelectedAnswer(first.answer, first.correct)
    entries: dict[str, Any] = {
        "gold": "1",
        "question": f"What is {id_}?",
        "selected": dict.fromkeys(("majority", "best", "weighted"), chosen),
        "subject": "Algebra",
        "level": 2,
        "quintile": 3,
        "generations": len(candidates),
        **more,
    }
    correct = entries.pop("correct", entries["selected"].get("weighted", chosen).correct)
    return ProblemRecord(
        id=id_, correct=correct, oracle=any(c.correct for c in candidates), candidates=tuple(candidates), **entries
    )


def write_report_run(
    directory: Path, records: Sequence[ProblemRecord], trees: dict[str, SearchTree] | None = None, **entries: Any
) -> Path:
    """Write a finished run; `entries` are those of summary.json."""
    table = run_table(records, independent=False)
    summary: dict[str, Any] = {
        **summarize(table, "weighted"),
        **{"strategy": "beam", "budget": 4, "seed": 0, "aggregation": "last"},
        **{"generator": "pocket", "prm": "pocket", "data": "pocket", "overrides": ["strategy=beam"]},
        **{"generations": 4 * len(records), "flops": {"paper": 6, "full": 12}},
        **entries,
    }
    rows = [tree_row(id_, tree) for id_, tree in (trees or {}).items()]
    RunDirectory(directory).write(summary, table, [jsonl_row(record.to_json()) for record in records], rows)
    return directory


def mixed_records() -> list[ProblemRecord]:
    """Return problems for the filters, by what they are named after."""
    low, high = 0.3, 0.95
    right, wrong = SelectedAnswer("1", True), SelectedAnswer("2", False)
    return [
        problem("right", [candidate("one", "1", True, low)], quintile=1),
        problem("wrong", [candidate("two", "2", False, low)], quintile=5),
        problem(
            "outvoted",
            [candidate("two", "2", False, low), *[candidate("unusual word", "1", True, 0.1)] * 2],
            selected={"majority": right, "best": wrong, "weighted": wrong},
            quintile=2,
        ),
        problem("over", [candidate("two", "2", False, high)], quintile=5),
        problem("easy", [candidate("one", "1", True, high)], quintile=1, subject="Geometry"),
    ]


def chain_record() -> ProblemRecord:
    """Two chains of three attempts: the first turns right and then wrong, the second stays right."""
    graded = [(0, False), (0, True), (0, False), (1, True), (1, True), (1, True)]
    attempts = [
        candidate(f"attempt {number}", "1" if right else "2", right, 0.1 + number / 10, chain=chain)
        for number, (chain, right) in enumerate(graded)
    ]
    chosen = SelectedAnswer("1", True)
    names = ("majority", "best", "weighted", "hierarchical")
    return problem("chain/1", attempts, selected=dict.fromkeys(names, chosen))
