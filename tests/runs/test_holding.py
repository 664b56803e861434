"""One process at a time writes a run directory, and what killed ones left there is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ttc.errors import UserError
from ttc.runs.holding import hold, remove_own_drafts

HOLD = """
import sys
from pathlib import Path
from ttc.runs.holding import hold
with hold(Path(sys.argv[1])):
    (Path(sys.argv[1]) / f".problems.jsonl.{__import__('os').getpid()}.rows").touch()
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the directory and has begun a draft there."""
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_is_created_and_only_its_stale_drafts_are_removed(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "run"
    with hold(directory):
        pass
    kept = [".problems.jsonl.1.rows", ".hidden", ".x.draft", "a.4711-0.draft", "summary.json"]  # process 1 always runs
    stale = [".problems.jsonl.99999999.rows", ".summary.json.99999999-3.draft", ".a.b.csv.99999999.draft"]
    for name in [*kept, *stale]:
        (directory / name).touch()
    (directory / ".tokenizer.99999999.draft").mkdir()
    with hold(directory):
        assert names(directory) == sorted([*kept, ".tokenizer.99999999.draft"])


def test_another_process_cannot_write_the_directory_meanwhile_and_a_killed_one_does_not_block_it(
    tmp_path: Path,
) -> None:
    with other_process(tmp_path) as process:
        refusal = "is being written by another process; wait for it, or choose another"
        with pytest.raises(UserError, match=refusal), hold(tmp_path):
            pass
        assert names(tmp_path) == [f".problems.jsonl.{process.pid}.rows"]  # of a process that is running
        process.kill()
        process.wait()
        with hold(tmp_path):
            assert names(tmp_path) == []


def test_a_directory_can_be_held_again_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), hold(tmp_path):
            raise KeyboardInterrupt


def test_a_draft_that_an_interrupted_writer_left_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hold(tmp_path):
        (tmp_path / f".problems.jsonl.{os.getpid()}.rows").touch()
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_process_that_ends_at_once_removes_its_own_drafts(tmp_path: Path) -> None:
    with hold(tmp_path):
        (tmp_path / f".problems.jsonl.{os.getpid()}.rows").touch()
        (tmp_path / f".summary.json.{os.getpid()}-7.draft").touch()
        (tmp_path / ".summary.json.1-7.draft").touch()
        remove_own_drafts()
        assert names(tmp_path) == [".summary.json.1-7.draft"]
