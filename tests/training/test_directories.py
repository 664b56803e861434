"""A directory is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttc.training.directories import whole_directory


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_replaces_an_older_one_with_all_its_files(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with whole_directory(tmp_path / "model") as draft:
            (draft / content).write_text(content)
            assert names(draft) == [content]
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["new"]


def test_a_failed_writer_leaves_the_older_directory_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("")
    with pytest.raises(KeyboardInterrupt), whole_directory(tmp_path / "model") as draft:
        (draft / "half").write_text("")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["old"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    for leftover in ("model.draft", "model.old"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "half").write_text("")
    with whole_directory(tmp_path / "model") as draft:
        assert names(draft) == []
    assert names(tmp_path) == ["model"]
