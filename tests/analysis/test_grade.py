"""Stored rows and run directories are graded whole, or refused in one line that says where and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ttc.analysis.grade import wilson
from ttc.errors import UserError
from ttc.grading import grade_file

ROWS: list[dict[str, Any]] = [
    {"id": "a", "gold": r"\frac12", "completion": r"so \boxed{0.5}", "note": "é"},
    {"id": "b", "gold": 18, "completion": "2 * 9\n#### 18"},
    {"id": "c", "gold": "3*6=18\n#### 18", "completion": r"\boxed{19}"},
    {"id": "d", "gold": "5", "completion": r"cut \boxed{5", "correct": "stale"},
]


def _jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_get_their_answer_and_verdict_and_keep_the_rest(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "rows.jsonl", ROWS)
    before = source.read_bytes()
    report = grade_file(source, tmp_path / "out.jsonl")
    graded = _read(tmp_path / "out.jsonl")
    assert [row["extracted"] for row in graded] == ["0.5", "18", "19", None]
    assert [row["correct"] for row in graded] == [True, True, False, False]
    assert [{**row, "extracted": 0, "correct": 0} for row in graded] == [
        {**row, "extracted": 0, "correct": 0} for row in ROWS
    ]
    assert (report.n, report.correct, report.accuracy, report.unanswered) == (4, 2, 0.5, 1)
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


def test_without_out_nothing_is_written(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "rows.jsonl", ROWS)
    assert grade_file(source).written is None
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_file_may_be_graded_onto_itself(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "rows.jsonl", ROWS)
    grade_file(source, source)
    assert [row["correct"] for row in _read(source)] == [True, True, False, False]


def test_the_report_tells_accuracy_and_interval(tmp_path: Path) -> None:
    text = str(grade_file(_jsonl(tmp_path / "rows.jsonl", ROWS)))
    assert "accuracy 50.0% (2 of 4; 95% interval 15.0% to 85.0%)" in text
    assert "1 without an answer" in text


def test_the_interval_of_none_right_still_has_width() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "has no rows"),
        ("\n\n", "has no rows"),
        ('{"gold": "5", "completion": "x"}\nnot json\n', "rows.jsonl:2 is not JSON"),
        ("\n[1]\n", "rows.jsonl:2 is not a JSON object"),
        ('{"completion": "x"}\n', "rows.jsonl:1: gold=None"),
        ('{"gold": " ", "completion": "x"}\n', "rows.jsonl:1: gold=' '"),
        ('{"gold": true, "completion": "x"}\n', "rows.jsonl:1: gold=True"),
        ('{"gold": "5"}\n', "rows.jsonl:1: completion=None"),
        ('{"gold": "5", "completion": ["x"]}\n', "rows.jsonl:1: completion="),
    ],
)
def test_a_bad_row_is_told_by_file_and_line_and_nothing_is_written(tmp_path: Path, content: str, told: str) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        grade_file(source, tmp_path / "out.jsonl")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.jsonl").exists()


def test_files_that_cannot_be_read_or_written_are_told(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "rows.jsonl", ROWS)
    (tmp_path / "latin.jsonl").write_bytes(b'{"gold": "\xe9"}')
    for path, out, told in [
        (tmp_path / "none.jsonl", None, "cannot be read"),
        (tmp_path / "latin.jsonl", None, "not UTF-8"),
        (source, tmp_path / "nowhere" / "out.jsonl", "a directory that exists"),
        (source, tmp_path, "a directory that exists"),
        (tmp_path, None, "cannot be read"),
    ]:
        with pytest.raises(UserError, match=told):
            grade_file(path, out)


def test_half_a_surrogate_pair_survives(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"gold": "5", "completion": "\\ud83d \\\\boxed{5}"}\n', encoding="utf-8")
    grade_file(source, source)
    assert _read(source)[0]["completion"].startswith("\ud83d")


def test_a_run_directory_gets_every_verdict_anew(tmp_path: Path) -> None:
    _jsonl(tmp_path / "problems.jsonl", [_stored("1/2", "0.5", "3"), _stored("7", None, "7")])
    (tmp_path / "summary.json").write_text('{"selection": "best"}', encoding="utf-8")
    report = grade_file(tmp_path)
    first, second = _read(tmp_path / "problems.jsonl")
    assert [candidate["correct"] for candidate in first["candidates"]] == [True, False]
    assert {name: entry["correct"] for name, entry in first["selected"].items()} == {"majority": True, "best": False}
    assert (first["correct"], first["oracle"]) == (False, True)
    assert (second["correct"], second["oracle"]) == (True, True)
    assert (report.n, report.correct) == (2, 1)
    assert first["tokens"] == {"decoded": 9}


def test_a_run_directory_that_is_not_whole_is_told(tmp_path: Path) -> None:
    _jsonl(tmp_path / "problems.jsonl", [_stored("5", "5", "5")])
    with pytest.raises(UserError, match="names no selection"):
        grade_file(tmp_path)
    (tmp_path / "summary.json").write_text('{"selection": "weighted"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"problems.jsonl:1: selected has no weighted"):
        grade_file(tmp_path)


def _stored(gold: str, first: str | None, second: str | None) -> dict[str, Any]:
    """A problem as a run stores it, every verdict of it wrong."""
    return {
        "id": gold,
        "gold": gold,
        "correct": "stale",
        "oracle": "stale",
        "tokens": {"decoded": 9},
        "candidates": [{"text": "", "answer": answer, "correct": "stale"} for answer in (first, second)],
        "selected": {"majority": {"answer": first, "correct": "stale"}, "best": {"answer": second, "correct": "stale"}},
    }
