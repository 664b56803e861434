"""Lines and JSON are read with the place of every error, and within limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc.files.reading
from ttc.errors import UserError
from ttc.files import jsonl_row, read_json, read_jsonl, read_lines, write_lines
from ttc.files.reading import MAX_JSON_DEPTH, parse_json


def values(path: Path, *, skip_unfinished_line: bool = False) -> list[object]:
    return [value for _, value in read_jsonl(path, skip_unfinished_line=skip_unfinished_line)]


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


# --- limits


def test_a_line_above_the_limit_is_refused_without_reading_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n"' + b"x" * 100 + b'"\n')
    monkeypatch.setattr(ttc.files.reading, "MAX_ROW_BYTES", 50)
    lines = read_lines(path)
    assert next(lines) == (1, b'{"a": 1}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl:2 is a line of more than 0 MB, the limit; give one row per line"):
        next(lines)


def test_a_json_file_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    assert read_json(tmp_path / "a.json", hint="") == [1, 2, 3]
    monkeypatch.setattr(ttc.files.reading, "MAX_JSON_BYTES", 5)
    with pytest.raises(UserError, match=r"a\.json has more than 0 MB, the limit of a JSON file; give a \.jsonl file"):
        read_json(tmp_path / "a.json", hint="")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH + 1, 900, 200_000])
def test_json_nested_too_deeply_is_refused(opening: str, closing: str, depth: int) -> None:
    with pytest.raises(UserError, match="here is not JSON \\(nested more than 100 levels deep\\); use less"):
        parse_json((opening * depth + "1" + closing * depth).encode(), "here", "use less.")


def test_json_nested_as_deeply_as_allowed_or_with_many_brackets_is_read() -> None:
    deepest = "[" * MAX_JSON_DEPTH + "1" + "]" * MAX_JSON_DEPTH
    assert json.dumps(parse_json(deepest.encode(), "here", "")) == deepest
    wide: list[list[list[int]]] = [[[]]] * 1000
    assert parse_json(json.dumps(wide).encode(), "here", "") == wide


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:0129eE.-+nulltrueNaN \\ud\n', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_on_one_line(text: bytes) -> None:
    try:
        json.dumps(parse_json(text, "here", "fix it."))
    except UserError as error:
        assert str(error).startswith("here") and "\n" not in str(error)
