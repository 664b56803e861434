"""Oracle difficulty sorts problems into five bins by pass@1."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from run_records import record, write_run

from ttc.difficulty.measured import SHIPPED, OracleDifficulty
from ttc.difficulty.table import DifficultyKind, DifficultyTable, measured_difficulty, quintiles
from ttc.errors import UserError
from ttc.pocket.problems import load_split
from ttc.runs.finding import find_runs
from ttc.runs.records import CandidateRecord, ProblemRecord


def read_pass1(path: Path) -> dict[str, float]:
    if path.is_dir():
        return dict(measured_difficulty(DifficultyKind.oracle, find_runs([path])).values)
    return dict(DifficultyTable.load(path).values)


def sampled(id_: str, *correct: bool) -> ProblemRecord:
    """Return a problem with these candidates."""
    candidates = tuple(CandidateRecord("", "1", grade) for grade in correct)
    return replace(record(id_, {"weighted": True}), candidates=candidates)


def table(tmp_path: Path, value: object) -> str:
    path = tmp_path / "pass1.json"
    path.write_text(json.dumps(value))
    return str(path)


# --- bins


def test_quintile_1_is_the_easiest_and_5_the_hardest() -> None:
    pass1 = {"c": 0.5, "a": 0.9, "e": 0.0, "b": 0.7, "d": 0.2}
    assert quintiles(pass1) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


@pytest.mark.parametrize("count", [7, 20, 101, 500])
def test_bins_have_equal_counts_even_when_most_problems_tie(count: int) -> None:
    sizes = Counter(quintiles({f"p{i}": float(i % 10 == 0) for i in range(count)}).values())
    assert set(sizes) == {1, 2, 3, 4, 5}
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_ties_do_not_depend_on_the_order_of_problems() -> None:
    ids = [f"p{i}" for i in range(50)]
    assert quintiles(dict.fromkeys(ids, 0.0)) == quintiles(dict.fromkeys(reversed(ids), 0.0))


def test_ties_are_not_broken_along_subjects_in_the_ids() -> None:
    bins = quintiles({f"{subject}/{i}": 0.0 for subject in ("algebra", "geometry") for i in range(50)})
    algebra = Counter(quintile for id_, quintile in bins.items() if id_.startswith("algebra"))
    assert set(algebra) == {1, 2, 3, 4, 5}


def test_bins_are_those_of_the_whole_table_whatever_the_limit(tmp_path: Path) -> None:
    path = table(tmp_path, {f"p{i}": i / 10 for i in range(10)})
    bins = OracleDifficulty(path).bins(["p8", "p9"])
    assert bins.quintile == {"p8": 1, "p9": 1}
    assert bins.note is None


def test_problems_that_a_table_lacks_have_no_bin_and_are_reported(tmp_path: Path) -> None:
    bins = OracleDifficulty(table(tmp_path, {"a": 1.0})).bins(["a", "b", "c"])
    assert bins.quintile == {"a": 1}
    assert bins.note is not None and "2 of 3 problems" in bins.note


def test_a_table_of_other_problems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of the 1 problems .*'x'.*'a'"):
        OracleDifficulty(table(tmp_path, {"x": 1.0})).bins(["a"])


def test_without_a_path_independent_samples_bin_their_own_problems_and_a_note_says_so() -> None:
    bins = OracleDifficulty().bins(["a", "b"], own={"a": 0.1, "b": 0.9})
    assert bins.quintile["b"] < bins.quintile["a"]
    assert bins.note is not None and "own samples" in bins.note


def test_without_a_path_or_independent_samples_there_are_no_bins_and_a_note_names_the_remedy() -> None:
    bins = OracleDifficulty().bins(["a"])
    assert bins.quintile == {}
    assert bins.note is not None and "difficulty.path=DIR" in bins.note


def test_without_a_path_the_pockets_problems_are_binned_by_the_shipped_table() -> None:
    ids = [problem.id for problem in load_split("test")]
    bins = OracleDifficulty().bins(ids, own=dict.fromkeys(ids, 0.0))
    assert bins.quintile == DifficultyTable.load(SHIPPED).quintiles() and bins.note is None
    assert Counter(bins.quintile.values()) == dict.fromkeys(range(1, 6), 100)


# --- tables and runs


def test_a_run_gives_the_share_of_correct_candidates_per_problem(tmp_path: Path) -> None:
    rows = [sampled("a", True, False, False, True), sampled("b", False, False), sampled("nothing sampled")]
    write_run(tmp_path, rows)
    assert read_pass1(tmp_path) == {"a": 0.5, "b": 0.0}


def test_a_run_of_dependent_samples_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, selections={"majority": {}, "weighted": {}})
    with pytest.raises(UserError, match="not a run of independent samples; give one of strategy=majority"):
        read_pass1(tmp_path)


def test_a_run_without_candidates_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, [sampled("nothing sampled")])
    with pytest.raises(UserError, match="holds no candidates"):
        read_pass1(tmp_path)


@pytest.mark.parametrize("value", [[], {}, [0.5], {"a": 1.5}, {"a": -0.1}, {"a": "0.5"}, {"a": True}, {"a": None}])
def test_a_malformed_table_is_refused_on_one_line(tmp_path: Path, value: object) -> None:
    path = table(tmp_path, value)
    for read in (lambda: read_pass1(Path(path)), OracleDifficulty(path).check):
        with pytest.raises(UserError) as error:
            read()
        assert "\n" not in str(error.value) and "pass1.json" in str(error.value)


def test_a_pass1_of_nan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pass1.json").write_text('{"a": NaN}')
    with pytest.raises(UserError, match="nan"):
        read_pass1(tmp_path / "pass1.json")


def test_unreadable_files_are_refused_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_pass1(tmp_path / "absent.json")
    (tmp_path / "broken.json").write_text('{"a": 0.5,\n oops}')
    with pytest.raises(UserError, match=r"broken\.json:2 is not JSON"):
        read_pass1(tmp_path / "broken.json")
    with pytest.raises(UserError, match=r"holds no finished run \(no summary\.json\)"):
        read_pass1(tmp_path)
    run = write_run(tmp_path / "run", [sampled("a", True)])
    with run.problems_file.open("a") as stream:
        stream.write('{"id": "b"}\n')
    with pytest.raises(UserError, match=r"problems\.jsonl is not the file that summary\.json was written with"):
        read_pass1(run.path)


def test_what_is_no_table_and_no_run_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        UserError,
        match=r"pipe cannot be read \(a pipe \(FIFO\), not a regular file\); give a table that `ttc difficulty`",
    ):
        OracleDifficulty(str(tmp_path / "pipe")).check()
    with pytest.raises(UserError, match=r"difficulty\.path='' is empty; difficulty\.path is a JSON table"):
        OracleDifficulty("").check()


def test_an_id_with_half_of_a_surrogate_pair_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "pass1.json").write_text('{"a\\ud83d": 0.5, "b": 1}')
    assert OracleDifficulty(str(tmp_path / "pass1.json")).bins(["b"]).quintile == {"b": 1}
