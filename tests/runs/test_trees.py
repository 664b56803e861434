"""A search tree is read back as it was written, and a damaged one is refused in one line."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from run_records import records, rows_of, write_run

from ttc.analysis.accuracy import accuracy_table
from ttc.analysis.grade import grade_path
from ttc.errors import UserError
from ttc.runs.directory import RunDirectory
from ttc.runs.trees import SearchTree, read_trees, tree_row

TREE = SearchTree(
    parents=(-1, -1, 0, 0, 3),
    texts=("a\n", "b\n", "c\u2028\n", "", "d"),
    values=(0.5, 0.1234, None, 1.0, 0.00001),
    rounds=(1, 1, 2, 2, 3),
    draws=(3, 1, 2, 0, 1),
    finishes=("step", "step", "step", "length", "stop"),
    rollouts=(False, False, True, False, False),
    candidates=(4, 1, -1),
)
EMPTY = SearchTree((), (), (), (), (), (), (), (-1,))


def written(directory: Path, trees: Iterable[str] | None, **summary: object) -> RunDirectory:
    run = RunDirectory(directory)
    run.write(summary, accuracy_table(records(), independent=True), rows_of(records()), trees)
    return run


def test_a_tree_survives_json() -> None:
    for tree in (TREE, EMPTY):
        assert SearchTree.from_json(json.loads(json.dumps(tree.to_json()))) == tree
    assert SearchTree.from_json(TREE.to_json() | {"mood": "good"}) == TREE


def test_values_are_written_with_four_significant_digits() -> None:
    tree = replace(TREE, values=(0.123456, 0.98765432, None, 1.23456e-7, 1.0))
    assert SearchTree.from_json(tree.to_json()).values == (0.1235, 0.9877, None, 1.235e-7, 1.0)


@pytest.mark.parametrize(
    ("column", "entries", "reason"),
    [
        ("parents", [-1, 1, 0, 0, 3], r"parents\[1\]=1 cannot be"),
        ("parents", [-2, -1, 0, 0, 3], r"parents\[0\]=-2 cannot be"),
        ("parents", [-1, False, 0, 0, 3], r"parents\[1\]=False cannot be"),
        ("texts", ["a", "b", "c", None, "d"], r"texts\[3\]=None cannot be"),
        ("texts", "abcde", "texts='abcde' is not a list"),
        ("values", [0.5, 0.1, None, 1.1, 0.0], r"values\[3\]=1.1 cannot be"),
        ("values", [0.5, 0.1, None, "x\ny", 0.0], r"values\[3\]='x\\ny' cannot be"),
        ("rounds", [0, 1, 2, 2, 3], r"rounds\[0\]=0 cannot be"),
        ("draws", [3, 1, 2, -1, 1], r"draws\[3\]=-1 cannot be"),
        ("draws", [3, 1, 2, 1], "draws has 4 entries, and parents 5"),
        ("finishes", ["step", "step", "step", "length", "stopped"], r"finishes\[4\]='stopped' cannot be"),
        ("rollouts", [0, 0, 2, 0, 0], r"rollouts\[2\]=2 cannot be"),
        ("candidates", [4, 5, -1], r"candidates\[1\]=5 cannot be"),
    ],
)
def test_a_row_that_no_run_writes_is_refused_with_its_line(
    tmp_path: Path, column: str, entries: object, reason: str
) -> None:
    file = tmp_path / "trees.jsonl"
    file.write_text(f"{tree_row('a', TREE)}\n{json.dumps({'id': 'b', **TREE.to_json(), column: entries})}\n")
    with pytest.raises(UserError, match=rf"trees.jsonl:2 is not a search tree \({reason}\); run the exp") as error:
        read_trees(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", ["[]", "{}", '{"id": 3}', '{"id": "b"}', "{", "null"])
def test_a_row_that_is_no_tree_at_all_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    file = tmp_path / "trees.jsonl"
    file.write_text(f"{tree_row('a', TREE)}\n{row}\n")
    with pytest.raises(UserError, match=r"trees.jsonl:2 is not (a search tree|JSON) .*; run the experiment again\.$"):
        read_trees(file)


def test_two_trees_of_one_problem_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "trees.jsonl"
    file.write_text(f"{tree_row('a', TREE)}\n{tree_row('a', EMPTY)}\n")
    with pytest.raises(UserError, match=r"trees.jsonl:2 is the second tree of problem a; run the experiment again"):
        read_trees(file)


def test_whatever_happened_to_the_file_it_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    file, rng, refused = tmp_path / "trees.jsonl", random.Random(0), 0
    whole = f"{tree_row('a', TREE)}\n{tree_row('b', EMPTY)}\n".encode()
    for _ in range(500):
        place = rng.randrange(len(whole))
        inserted = rng.choice((b"", b"\0", b"\xff", b"-", b'"', b"null", b"[", b"9" * 400, b"\n"))
        file.write_bytes(whole[:place] + inserted + whole[place + rng.randrange(3) :])
        try:
            read_trees(file)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 250


def test_a_run_directory_gives_back_the_trees_of_its_run(tmp_path: Path) -> None:
    run = written(tmp_path, [tree_row("a", TREE), tree_row("b", EMPTY)])
    assert run.trees() == {"a": TREE, "b": EMPTY}
    assert sorted(run.summary()["files"]) == ["accuracy.csv", "problems.jsonl", "trees.jsonl"]
    assert run.trees_file in run.files


@pytest.mark.parametrize("trees", [None, []])
def test_a_run_that_did_not_search_has_no_trees_and_no_file_of_them(tmp_path: Path, trees: list[str] | None) -> None:
    run = written(tmp_path, trees)
    assert run.trees() == {} and not run.trees_file.exists()
    assert write_run(tmp_path / "other").trees() == {}


def test_a_run_that_did_not_search_removes_the_trees_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    written(tmp_path, [tree_row("a", TREE)])
    run = written(tmp_path, [])
    assert run.trees() == {} and not run.trees_file.exists()


@pytest.mark.parametrize("damage", ["absent", "edited", "a directory", "of another run"])
def test_trees_that_are_not_those_of_the_summary_are_refused(tmp_path: Path, damage: str) -> None:
    run = written(tmp_path, [tree_row("a", TREE)])
    run.trees_file.unlink()
    if damage == "edited":
        run.trees_file.write_text("")
    elif damage == "a directory":
        run.trees_file.mkdir()
    elif damage == "of another run":
        run.trees_file.write_text(tree_row("a", EMPTY) + "\n")
    with pytest.raises(
        UserError, match=r"trees\.jsonl is not the file that summary\.json was written with; run the exp"
    ):
        run.trees()
    assert len(run.records()) == 4  # nothing else needs them


def test_trees_survive_grading_and_damage_to_them_does_too(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with_trees = written(tmp_path, [tree_row("a", TREE)], **run.summary())
    recorded = with_trees.summary()["files"]["trees.jsonl"]
    grade_path(tmp_path)
    assert run.trees() == {"a": TREE} and run.summary()["files"]["trees.jsonl"] == recorded
    run.trees_file.write_text(tree_row("a", EMPTY) + "\n")
    grade_path(tmp_path)
    with pytest.raises(UserError, match="is not the file that"):
        run.trees()


def test_a_failed_write_keeps_the_old_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = written(tmp_path, [tree_row("a", TREE)])

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        written(tmp_path, [tree_row("a", EMPTY)])
    assert run.trees() == {"a": TREE} and len(list(tmp_path.iterdir())) == 4
