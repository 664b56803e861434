"""Whatever happened to the files of a run, every command over it ends with at most one line about an error."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from run_records import records, write_run
from typer.testing import CliRunner

import ttc
from ttc.cli import app
from ttc.errors import UserError

FILES = ("summary.json", "problems.jsonl", "accuracy.csv", ".hydra/overrides.yaml")
CONTENTS = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"0",
    b"\0",
    b"\xff\xfe",
    b"{" * 3000,
    b"[" * 3000,
    b'{"a": NaN}',
    b"- {a: b}\n",
)

Damage = Callable[[bytes, random.Random], bytes]


def truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return (
        content[:place] + rng.choice((b"\0", b"\xff", b"9" * 400, b"-", b'"', b"null", b"\n", b"{}")) + content[place:]
    )


def swap_values(content: bytes, rng: random.Random) -> bytes:
    """Exchange two of the file's tokens, so that values get other types."""
    tokens = content.split(b" ")
    one, two = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[one], tokens[two] = tokens[two], tokens[one]
    return b" ".join(tokens)


def replace(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(CONTENTS)


def write(directory: Path, *, legacy: bool, rng: random.Random) -> None:
    run = write_run(directory, overrides=["budget=4", "strategy=best_of_n"], seconds={"total": 1.0}, notes=[])
    if legacy:  # a run of an older version: no digest tells that a file was changed
        text = run.summary_file.read_text()
        run.summary_file.write_text(text.replace('"files"', '"unknown"'))


def one_line(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), (arguments, found.exception)
    errors = [line for line in found.stderr.splitlines() if line.strip()]
    assert found.exit_code in (0, 1, 2) and len(errors) <= 1, (arguments, errors)
    assert all(line.startswith("error: ") for line in errors) and bool(errors) == (found.exit_code != 0)
    return found.exit_code, found.stderr


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize("damage", [truncate, flip, insert, swap_values, replace])
@pytest.mark.parametrize("legacy", [False, True])
def test_every_command_over_a_damaged_run_ends_with_at_most_one_line(
    tmp_path: Path, damage: Damage, legacy: bool
) -> None:
    rng = random.Random(f"{damage.__name__}-{legacy}")
    for number in range(12):
        directory = tmp_path / str(number)
        write(directory, legacy=legacy, rng=rng)
        file = directory / FILES[number % len(FILES)]
        file.write_bytes(damage(file.read_bytes(), rng))
        one_line("compare", directory)
        one_line("compare", directory, "--selection", "majority", "--selection", "attempt-1")
        one_line("grade", directory, "--out", tmp_path / "out.jsonl")
        try:
            ttc.load_run(directory)
            ttc.load_runs(directory)
        except UserError as error:
            assert "\n" not in str(error)
        before = contents(directory)
        code, _ = one_line("grade", directory)
        assert code == 0 or contents(directory) == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", ["directory", "broken link", "absent"])
def test_something_else_in_place_of_a_file_is_one_line(tmp_path: Path, name: str, what: str) -> None:
    write(tmp_path / "run", legacy=True, rng=random.Random(0))
    file = tmp_path / "run" / name
    file.unlink()
    if what == "directory":
        file.mkdir()
    elif what == "broken link":
        file.symlink_to("nowhere")
    for command in ("compare", "grade"):
        one_line(command, tmp_path / "run")


@pytest.mark.parametrize("path", ["", "nowhere", "x" * 300, "/dev/null", "a\nb", "."])
def test_a_path_without_runs_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("compare", "grade"):
        code, _ = one_line(command, path)
        assert code == 2


def test_an_undamaged_run_passes_every_command(tmp_path: Path) -> None:
    write(tmp_path / "run", legacy=False, rng=random.Random(0))
    for arguments in (("compare", tmp_path / "run"), ("grade", tmp_path / "run")):
        assert one_line(*arguments)[0] == 0
    assert len(ttc.load_run(tmp_path / "run").problems) == len(records())
