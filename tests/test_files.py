"""JSONL files are read with the place of every error; files are written atomically."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ttc.errors import UserError
from ttc.files import atomic_path, jsonl_row, read_jsonl, write_csv, write_json, write_lines, write_text


def values(path: Path, *, skip_unfinished_line: bool = False) -> list[object]:
    return [value for _, value in read_jsonl(path, skip_unfinished_line=skip_unfinished_line)]


# --- read_jsonl


def test_every_value_comes_with_its_line_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n  \n[2]\n', encoding="utf-8")
    assert list(read_jsonl(path)) == [(f"{path}:1", {"a": 1}), (f"{path}:4", [2])]


@pytest.mark.parametrize("line", ["{", "nonsense", '{"a": 1} {"b": 2}', "[" * 100_000, "1" * 10_000])
def test_a_line_that_is_not_json_is_refused_with_its_place_and_the_hint(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(UserError) as error:
        list(read_jsonl(path, hint="give a finished run."))
    message = str(error.value)
    assert message.startswith(f"{path}:3 is not JSON (") and message.endswith("; give a finished run.")
    assert "\n" not in message


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n')
    assert values(path) == [{"a": 1}, {"a": 2}]


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "one\u2028two\u2029three\x85four"}, {"text": "five"}]
    write_lines(path, map(jsonl_row, rows))
    assert "\u2028" in path.read_text(encoding="utf-8")  # written raw, not as an escape
    assert list(read_jsonl(path)) == [(f"{path}:1", rows[0]), (f"{path}:2", rows[1])]


def test_an_unfinished_last_line_is_skipped_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2', encoding="utf-8")
    assert values(path, skip_unfinished_line=True) == [{"a": 1}]
    with pytest.raises(UserError, match=r"rows\.jsonl:2 is not JSON"):
        values(path)


def test_an_unfinished_line_is_skipped_even_if_it_is_valid_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n12', encoding="utf-8")  # the writer may have been killed before it wrote 123
    assert values(path, skip_unfinished_line=True) == [{"a": 1}]
    assert values(path) == [{"a": 1}, 12]


def test_a_broken_line_before_the_last_is_never_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1\n{"a": 2}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"rows\.jsonl:1 is not JSON"):
        values(path, skip_unfinished_line=True)


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl cannot be read \(No such file or directory\); give a file"):
        values(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="cannot be read"):
        values(tmp_path)
    (tmp_path / "latin.jsonl").write_bytes(b'{"a": "\xe9"}\n')
    with pytest.raises(UserError, match=r"latin\.jsonl:1 is not UTF-8 text \(byte 7\); save it as UTF-8\."):
        values(tmp_path / "latin.jsonl")


# --- rows


def test_a_row_has_sorted_keys_and_floats_that_are_read_back_exactly() -> None:
    value = float(np.float32(0.1))
    row = jsonl_row({"b": value, "a": "é"})
    assert row == f'{{"a": "é", "b": {value!r}}}'
    assert json.loads(row)["b"] == value


def test_nan_and_infinities_become_null() -> None:
    assert jsonl_row({"b": [math.nan, 0.5], "a": {"c": -math.inf}}) == '{"a": {"c": null}, "b": [null, 0.5]}'


def test_a_lone_surrogate_survives(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"text": "half of an emoji: \ud83d, and a backslash before it: \\\ud83d"}
    write_lines(path, [jsonl_row(row)])
    assert b"\\ud83d" in path.read_bytes()
    assert values(path) == [row]


# --- writing


def test_a_write_replaces_the_file_and_creates_its_directory(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_a_reader_sees_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with atomic_path(path) as draft:
        draft.write_text("half")
        assert draft.parent == path.parent
        assert path.read_text() == "old\n"
    assert path.read_text() == "half"
    assert not draft.exists()


def test_a_failed_write_keeps_the_old_file_and_removes_the_draft(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def lines() -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lines(path, (line for _ in range(2) for line in lines()))
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file_and_removes_the_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_text(path, "new")
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_written_sorted_rounded_and_without_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1 / 3, "a": (math.inf, {"d": True, "c": 10**20})})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [None, {"c": 10**20, "d": True}], "b": 0.333333}
    assert (tmp_path / "a.json").read_text().startswith('{\n  "a": [')


def test_csv_is_written_with_six_decimals(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": ["x"], "share": [1 / 3]}))
    assert (tmp_path / "a.csv").read_bytes() == b"name,share\nx,0.333333\n"
