"""Bad rows are refused with their place or, on request, skipped, counted and reported once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ttc.data.datasets import TabularDataset
from ttc.errors import UserError

GOOD = [json.dumps({"id": str(number), "problem": f"{number}?", "answer": number}) for number in range(3)]
BAD = [
    *("{", "[1]", '{"problem": "?"}', '{"problem": "?", "answer": []}'),
    '{"id": "0", "problem": "?", "answer": 1}',
    '{"problem": "?", "answer": 1, "level": "hard"}',
]


def skipping(path: Path, text: str, **settings: Any) -> TabularDataset:
    path.write_text(text, encoding="utf-8")
    return TabularDataset(path=str(path), **{"skip_bad_rows": True, **settings})


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_row_is_refused_with_its_line_unless_bad_rows_are_skipped(tmp_path: Path, bad: str) -> None:
    text = "\n".join([*GOOD[:2], bad, GOOD[2]])
    with pytest.raises(UserError, match=r"p\.jsonl:3"):
        skipping(tmp_path / "p.jsonl", text, skip_bad_rows=False).read()
    assert [p.id for p in skipping(tmp_path / "p.jsonl", text).read()] == ["0", "1", "2"]


def test_one_line_says_how_many_rows_were_skipped_and_why_the_first_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = skipping(tmp_path / "p.jsonl", "\n".join([GOOD[0], *BAD]))
    data.check()
    data.load()
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"warning: {len(BAD)} bad rows were skipped (data.skip_bad_rows=true, data=data); the first:"
    )
    assert "p.jsonl:2 is not JSON" in line
    assert data.notes == [line]


def test_data_without_bad_rows_say_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = skipping(tmp_path / "p.jsonl", "\n".join(GOOD))
    assert len(data.load()) == 3
    assert (data.notes, capsys.readouterr().err) == ([], "")


def test_a_row_of_a_csv_file_with_a_field_too_many_is_skipped(tmp_path: Path) -> None:
    data = skipping(tmp_path / "p.csv", "problem,answer\n1+1?,2\nthe point?,(1,2)\n2+2?,4\n")
    assert [p.gold for p in data.read()] == ["2", "4"]
    assert "p.csv:3 has 3 fields" in data.notes[0]


def test_a_file_of_bad_rows_only_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of its 2 rows can be used; the first: .*p\.jsonl:1 is not JSON"):
        skipping(tmp_path / "p.jsonl", "{\n[1]\n").read()


def test_solutions_that_state_no_answer_are_skipped_too(tmp_path: Path) -> None:
    rows = [{"problem": "1?", "answer": r"so \boxed{1}"}, {"problem": "2?", "answer": "so it is two"}]
    data = skipping(tmp_path / "p.jsonl", "\n".join(map(json.dumps, rows)))
    assert [p.gold for p in data.read()] == ["1"]
    assert "p.jsonl:2: field 'answer' is a worked solution" in data.notes[0]
