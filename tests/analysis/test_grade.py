"""`ttc grade` grades a file of completions or a run directory completely, or refuses it and writes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from run_records import records, rows_of, write_run

from ttc.analysis.grade import grade_path
from ttc.errors import RunError, UserError
from ttc.files import write_lines
from ttc.runs.holding import hold
from ttc.runs.records import SelectedAnswer

ROWS: list[dict[str, Any]] = [
    {"id": "a", "gold": r"\frac12", "completion": r"so \boxed{0.5}", "note": "é"},
    {"id": "b", "gold": 18, "completion": "2 * 9\n#### 18"},
    {"id": "c", "gold": "3*6=18\n#### 18", "completion": r"\boxed{19}"},
    {"id": "d", "gold": "5", "completion": r"cut \boxed{5", "correct": "stale"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# --- completions


def test_rows_get_an_answer_and_a_grade_and_keep_their_other_fields(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", ROWS)
    before = source.read_bytes()
    report = grade_path(source, tmp_path / "out.jsonl")
    graded = read(tmp_path / "out.jsonl")
    assert [row["extracted"] for row in graded] == ["0.5", "18", "19", None]
    assert [row["correct"] for row in graded] == [True, True, False, False]
    assert [{**row, "extracted": 0, "correct": 0} for row in graded] == [
        {**row, "extracted": 0, "correct": 0} for row in ROWS
    ]
    assert (report.n, report.correct, report.accuracy, report.unanswered) == (4, 2, 0.5, 1)
    assert report.written == tmp_path / "out.jsonl"
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "rows.jsonl"]


def test_without_out_nothing_is_written(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", ROWS)
    assert grade_path(source).written is None
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_the_output_may_replace_the_input(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", ROWS)
    grade_path(source, source)
    assert [row["correct"] for row in read(source)] == [True, True, False, False]


def test_the_report_states_accuracy_and_interval(tmp_path: Path) -> None:
    text = str(grade_path(write(tmp_path / "rows.jsonl", ROWS)))
    assert "accuracy 50.0% (2 of 4; 95% interval 15.0% to 85.0%)" in text
    assert "1 without an answer" in text


@pytest.mark.parametrize(
    ("content", "message"),
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
def test_a_bad_row_is_reported_with_file_and_line_and_nothing_is_written(
    tmp_path: Path, content: str, message: str
) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        grade_path(source, tmp_path / "out.jsonl")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.jsonl").exists()


def test_files_that_cannot_be_read_or_written_are_refused_with_the_reason(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", ROWS)
    (tmp_path / "latin.jsonl").write_bytes(b'{"gold": "\xe9"}')
    for path, out, message in [
        (tmp_path / "none.jsonl", None, "cannot be read"),
        (tmp_path / "latin.jsonl", None, "not UTF-8"),
        (source, tmp_path / "nowhere" / "out.jsonl", "is not a directory"),
        (source, tmp_path, "a directory, not a regular file"),
        (tmp_path, None, "cannot be read"),
    ]:
        with pytest.raises(UserError, match=message):
            grade_path(path, out)


def test_a_lone_surrogate_in_a_completion_survives(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"gold": "5", "completion": "\\ud83d \\\\boxed{5}"}\n', encoding="utf-8")
    grade_path(source, source)
    assert read(source)[0]["completion"].startswith("\ud83d")


# --- run directories


def stored_row(gold: str, first: str | None, second: str | None) -> dict[str, Any]:
    """Return a row of problems.jsonl in which every grade is stale."""
    return {
        "id": gold,
        "gold": gold,
        "correct": "stale",
        "oracle": "stale",
        "tokens": {"decoded": 9},
        "candidates": [{"text": "", "answer": answer, "correct": "stale"} for answer in (first, second)],
        "selected": {"majority": {"answer": first, "correct": "stale"}, "best": {"answer": second, "correct": "stale"}},
    }


def write_summary(directory: Path, **entries: object) -> None:
    (directory / "summary.json").write_text(json.dumps(entries), encoding="utf-8")


def test_every_candidate_and_selection_of_a_run_is_graded_again(tmp_path: Path) -> None:
    write(tmp_path / "problems.jsonl", [stored_row("1/2", "0.5", "3"), stored_row("7", None, "7")])
    write_summary(tmp_path, selection="best", selections={"majority": {}, "best": {}})
    report = grade_path(tmp_path)
    first, second = read(tmp_path / "problems.jsonl")
    assert [candidate["correct"] for candidate in first["candidates"]] == [True, False]
    assert {name: entry["correct"] for name, entry in first["selected"].items()} == {"majority": True, "best": False}
    assert (first["correct"], first["oracle"]) == (False, True)
    assert (second["correct"], second["oracle"]) == (True, True)
    assert (report.n, report.correct, report.unanswered) == (2, 1, 0)
    assert report.written == tmp_path / "problems.jsonl"
    assert first["tokens"] == {"decoded": 9}
    assert json.loads((tmp_path / "summary.json").read_text())["accuracy"] == 0.5


def test_a_stored_gold_that_is_a_worked_solution_is_graded_by_its_answer(tmp_path: Path) -> None:
    write(tmp_path / "problems.jsonl", [stored_row(r"so \boxed{1/2}", "0.5", "3")])
    write_summary(tmp_path, selection="majority", selections={"majority": {}, "best": {}})
    assert grade_path(tmp_path).correct == 1


def test_units_are_compared_if_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"gold": "5 m", "completion": rf"\boxed{{{answer}}}"} for answer in ("5 km", "5")])
    assert grade_path(tmp_path / "rows.jsonl").correct == 2
    assert grade_path(tmp_path / "rows.jsonl", units=True).correct == 1


def test_the_tables_of_a_run_follow_its_new_grades(tmp_path: Path) -> None:
    run = write_run(tmp_path, notes=["kept"])
    majority = run.summary()["selections"]["majority"]["accuracy"]
    before = contents(tmp_path)
    grade_path(tmp_path)
    assert contents(tmp_path) == before
    rows = [replace(row, selected={**row.selected, "weighted": SelectedAnswer("1", False)}) for row in run.records()]
    write_lines(run.problems_file, rows_of(rows))
    grade_path(tmp_path)
    assert run.summary()["accuracy"] == 1 and run.summary()["notes"] == ["kept"]
    found = pd.read_csv(run.accuracy_file).query("kind == 'overall'").set_index("selection")["accuracy"]
    assert found["weighted"] == 1 and found["majority"] == majority
    assert all(row.correct for row in run.records())


def test_with_out_the_run_directory_itself_is_unchanged(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    write_lines(run.problems_file, rows_of([replace(row, oracle=False) for row in records()]))
    before = contents(run.path)
    report = grade_path(run.path, tmp_path / "out.jsonl")
    assert contents(run.path) == before
    assert [row["oracle"] for row in read(tmp_path / "out.jsonl")] == [True, True, False, True]
    assert report.written == tmp_path / "out.jsonl"


def test_an_incomplete_run_directory_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    problems = write(tmp_path / "problems.jsonl", [stored_row("5", "5", "5")])
    with pytest.raises(UserError, match=r"summary\.json cannot be read"):
        grade_path(tmp_path)
    write_summary(tmp_path, selection="best")
    with pytest.raises(UserError, match=r"summary\.json has no selections; finish the run, then grade it\."):
        grade_path(tmp_path)
    write_summary(tmp_path, selection="weighted", selections={})
    with pytest.raises(UserError, match=r"problems\.jsonl:1: selected has no weighted"):
        grade_path(tmp_path)
    write_summary(tmp_path, selection="best", selections={})
    row = stored_row("5", "5", "5")
    for broken, message in (
        ({**row, "candidates": None}, "a stored problem has gold, candidates and selected"),
        ({**row, "candidates": [{"text": "", "answer": 5}]}, "a candidate or selection lacks its answer"),
        ({**row, "candidates": [{"answer": "5"}]}, "is not a row of a run .*'text'"),
    ):
        write(problems, [row, broken])
        before = contents(tmp_path)
        with pytest.raises(UserError, match=rf"problems\.jsonl:2:? {message}"):
            grade_path(tmp_path)
        assert contents(tmp_path) == before


def test_a_damaged_run_is_refused_before_any_of_its_files_changes(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    whole, lines = run.summary(), run.problems_file.read_text().splitlines(keepends=True)
    for entries, message in (
        ({"selection": 3}, r"summary\.json: selection=3 is not what a run writes; run the experiment again\."),
        ({"selections": []}, r"summary\.json: selections=\[\] is not"),
        ({"aggregation": "median"}, r"summary\.json: aggregation='median' is not"),
        ({"seed": -1}, r"summary\.json: seed=-1 is not"),
        ({"seed": None}, r"summary\.json: seed=None is not"),
    ):
        write_summary(tmp_path, **(whole | entries))
        refused(tmp_path, message)
    write_summary(tmp_path, **whole)
    for text, message in (
        ("".join([*lines, lines[0]]), r"problems\.jsonl:5 is the second row of problem a; run the experiment again\."),
        ("".join(lines)[:-20], r"problems\.jsonl:4 is not JSON"),
        ("".join(lines).replace('"chain": null', '"chain": 0', 1), r"problems\.jsonl makes no tables"),
        (
            "".join(lines).replace('"tokens": 7', '"tokens": "7"', 1),
            r"problems\.jsonl:1 is not a row .*tokens='7' is not",
        ),
    ):
        run.problems_file.write_text(text)
        refused(tmp_path, message)


def refused(directory: Path, message: str) -> None:
    before = contents(directory)
    with pytest.raises(UserError, match=message):
        grade_path(directory)
    assert contents(directory) == before


def test_a_full_disk_leaves_the_run_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path)
    before = contents(tmp_path)

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\); nothing was changed"):
        grade_path(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["problems.jsonl", "summary.json", "accuracy.csv"])
def test_the_output_may_not_replace_one_file_of_a_run(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(UserError, match="is a file of the run; leave --out away to grade it in place"):
        grade_path(tmp_path / "run", tmp_path / "link" / name)
    assert contents(tmp_path / "run") == before


def test_a_run_that_is_being_written_is_not_graded_in_place(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    with hold(tmp_path / "run"):
        with pytest.raises(UserError, match="is being written by another process"):
            grade_path(tmp_path / "run")
        assert grade_path(tmp_path / "run", tmp_path / "out.jsonl").n == 4
