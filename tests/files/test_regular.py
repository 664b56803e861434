"""Only regular files are opened, so that nothing waits for ever."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ttc.files import expanded, open_regular, read_json, read_jsonl


def test_a_regular_file_is_opened_through_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"text"


def test_what_is_no_regular_file_is_refused_at_once_with_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    kinds = {
        tmp_path: "a directory, not a regular file",
        tmp_path / "pipe": r"a pipe \(FIFO\), not a regular file",
        tmp_path / "socket": "a socket, not a regular file",
        tmp_path / "zero": "a device, not a regular file",
        tmp_path / "loop": "Too many levels of symbolic links",
        tmp_path / "absent": "No such file",
        tmp_path / ("x" * 300): "File name too long",
        tmp_path / "nul\0": "its name contains a NUL character",
    }
    for path, kind in kinds.items():
        with pytest.raises(OSError, match=kind):
            open_regular(path)
        for read in (lambda path: list(read_jsonl(path)), lambda path: read_json(path, hint="")):
            with pytest.raises(Exception, match=f"cannot be read \\({kind}"):
                read(path)


def test_a_home_directory_is_expanded_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/a.jsonl") == Path("/home/me/a.jsonl")
    assert expanded("~nobody-of-that-name/a.jsonl") == Path("~nobody-of-that-name/a.jsonl")
