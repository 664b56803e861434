"""Files and hub datasets become rows with their places, and their errors one line with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttc.data.readers import read_file, read_hub
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
        ("p.parquet", b"no", ["p.parquet", "not a Parquet file"]),
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
    with pytest.raises(UserError, match="a directory, not a file"):
        list(read_file(tmp_path))


def test_every_row_comes_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "p.json").write_text('[{"a": 1}, {"a": 2}]')
    (tmp_path / "p.csv").write_text('a,b\n1,"two\nlines"\n2,\n')
    found = {suffix: list(read_file(tmp_path / f"p.{suffix}")) for suffix in ("jsonl", "json", "csv")}
    assert found == {
        "jsonl": [(f"{tmp_path}/p.jsonl:1", {"a": 1}), (f"{tmp_path}/p.jsonl:3", {"a": 2})],
        "json": [(f"{tmp_path}/p.json row 1", {"a": 1}), (f"{tmp_path}/p.json row 2", {"a": 2})],
        "csv": [  # the line on which a row ends; an empty cell becomes None
            (f"{tmp_path}/p.csv:3", {"a": "1", "b": "two\nlines"}),
            (f"{tmp_path}/p.csv:4", {"a": "2", "b": None}),
        ],
    }


def test_a_hub_dataset_that_cannot_be_loaded_is_refused_with_an_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(UserError, match=r"data\.hub=some/set .*no route; .*data\.path=FILE"):
        list(read_hub("some/set", None, "test"))
