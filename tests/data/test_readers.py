"""Files become rows with their places, and their errors one line with a remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ttc.data.readers import read_file
from ttc.errors import UserError


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.jsonl", b'{"problem": "?", "answer": "2"}\n{"problem"', ["p.jsonl:2", "not JSON"]),
        ("p.jsonl", b"[1]\n", ["p.jsonl:1", "not a JSON object"]),
        ("p.json", b'{"a": 1}', ["p.json", "not a JSON list"]),
        ("p.json", b'[{"a": 1},\n {"a" 2}]', ["p.json:2", "not JSON"]),
        ("p.json", b'[{"a": 1}, 2]', ["p.json row 2", "not a JSON object"]),
        ("p.jsonl", b"\xff\xfe", ["p.jsonl", "UTF-8"]),
        ("p.csv", b"problem,answer\n\xff,2\n", ["p.csv", "UTF-8"]),
        ("p.parquet", b"no", ["p.parquet", "not a Parquet file that can be read"]),
        ("p.txt", b"", [".txt", ".jsonl"]),
    ],
)
def test_an_unreadable_file_is_refused_with_its_place_and_the_reason(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        list(read_file(tmp_path / name))
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "math500.jsonl").write_text('{"problem": "?", "answer": "2"}\n')
    with pytest.raises(UserError, match=r"no such file \(did you mean .*math500\.jsonl\?\)"):
        list(read_file(tmp_path / "math50.jsonl"))
    with pytest.raises(UserError, match=r"no such file \(nor a directory .*nowhere\)"):
        list(read_file(tmp_path / "nowhere" / "math500.jsonl"))
    with pytest.raises(UserError, match="a directory, not a regular file"):
        list(read_file(tmp_path))


def test_every_row_comes_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "p.json").write_text('[{"a": 1}, {"a": 2}]')
    (tmp_path / "p.csv").write_text('a,b\n1,"two\nlines"\n2,\n')
    found = {suffix: list(read_file(tmp_path / f"p.{suffix}")) for suffix in ("jsonl", "json", "csv")}
    assert found == {
        "jsonl": [(f"{tmp_path}/p.jsonl:1", {"a": 1}), (f"{tmp_path}/p.jsonl:3", {"a": 2})],
        "json": [(f"{tmp_path}/p.json row 1", {"a": 1}), (f"{tmp_path}/p.json row 2", {"a": 2})],
        "csv": [  # the line on which a row begins; an empty cell becomes None
            (f"{tmp_path}/p.csv:2", {"a": "1", "b": "two\nlines"}),
            (f"{tmp_path}/p.csv:4", {"a": "2", "b": None}),
        ],
    }


def test_a_file_that_is_there_is_never_called_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    (tmp_path / "link.jsonl").symlink_to("absent.jsonl")
    reasons = {
        "pipe.jsonl": r"a pipe \(FIFO\), not a regular file; data\.path is a",
        "loop.jsonl": "Too many levels of symbolic links; ",
        "link.jsonl": "a symbolic link to a file that is absent; ",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=rf"data\.path=.*{name}: {reason}"):
            list(read_file(tmp_path / name))


def test_a_parquet_file_is_read_in_batches(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "p.parquet"
    rows = [{"problem": str(n), "answer": None if n == 3 else n / 4} for n in range(1000)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=300)
    found = list(read_file(path))
    assert [row for _, row in found] == rows
    assert found[999][0] == f"{path} row 1000"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"p\.parquet is not a Parquet file that can be read \(.*\); data\.path is"):
        list(read_file(path))
