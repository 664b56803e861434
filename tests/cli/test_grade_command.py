"""`ttc grade`: a file of answers."""

from __future__ import annotations

import pytest
from command_line import CommandLine


def test_grade_prints_the_report_of_the_file(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttc.analysis.grade.grade_path", lambda path, out, **options: f"{path} -> {out}", raising=False)
    assert ttc("grade", "in.jsonl", "--out", "out.jsonl").out == "in.jsonl -> out.jsonl\n"


def test_grading_a_missing_file_is_one_line(ttc: CommandLine) -> None:
    outcome = ttc("grade", "missing.jsonl")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "missing.jsonl" in outcome.err
