"""Rows are formatted exactly; files are written atomically, over regular files and new ones only."""

from __future__ import annotations

import json
import math
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from ttc.errors import RunError, UserError
from ttc.files import (
    atomic_path,
    check_output,
    jsonl_row,
    read_jsonl,
    write_json,
    write_lines,
    write_text,
    written_for,
)


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
    assert [value for _, value in read_jsonl(path)] == [row]


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


# --- what is never replaced


def special(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "target"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif kind == "link to a device":
        path.symlink_to("/dev/full")
    elif kind == "loop":
        path.symlink_to(path)
    else:
        return Path(kind)
    return path


SPECIAL = ["pipe", "directory", "socket", "link to a device", "loop", "/dev/null", "/dev/full"]


@pytest.mark.parametrize("kind", SPECIAL)
def test_only_a_regular_file_is_replaced(tmp_path: Path, kind: str) -> None:
    path = special(tmp_path, kind)
    before = os.lstat(path)
    with pytest.raises(OSError):
        write_text(path, "text")
    with pytest.raises(UserError, match=r"^--out .* cannot be written \(.*\); choose another file\.$"):
        check_output(path, "--out")
    assert os.path.samestat(os.lstat(path), before)
    assert [entry for entry in tmp_path.iterdir() if entry != path] == []


@pytest.mark.parametrize("name", ["x" * 300, "nul\0", "absent/file"])
def test_a_name_that_no_file_can_have_is_refused_early(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"^--csv .* cannot be written"):
        check_output(tmp_path / name, "--csv")


def test_a_new_file_and_a_regular_one_are_fine(tmp_path: Path) -> None:
    check_output(tmp_path / "new.csv", "--csv")
    (tmp_path / "old.csv").touch()
    check_output(tmp_path / "old.csv", "--csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.csv"]


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "file")  # absent at first
    for text in ("new", "newer"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "disk" / "file").read_text() == f"{text}\n"
    assert [entry.name for entry in (tmp_path / "disk").iterdir()] == ["file"]


def test_the_file_that_standard_output_goes_to_is_not_replaced(tmp_path: Path) -> None:
    import subprocess

    code = "from pathlib import Path; from ttc.files import check_output; check_output(Path('/dev/stdout'), '--out')"
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True)
    assert "UserError: --out /dev/stdout cannot be written (this command's own output or input)" in done.stderr


def test_drafts_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "file") as first:
        first.write_text("first")
        write_text(tmp_path / "file", "second")
    assert (tmp_path / "file").read_text() == "first"


def test_a_full_disk_stops_the_command_and_another_error_is_the_users(tmp_path: Path) -> None:
    full = r"--out here cannot be written \(No space left\); make room"
    with pytest.raises(RunError, match=full), written_for(Path("here"), "--out"):
        raise OSError(28, "No space left")
    forbidden = r"--out here cannot be written \(Permission denied\); choose another file"
    with pytest.raises(UserError, match=forbidden), written_for(Path("here"), "--out"):
        raise PermissionError(13, "Permission denied")
