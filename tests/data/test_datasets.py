"""Datasets become problems, and mistakes in them one line with a remedy."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ttc.data.datasets import PocketDataset, TabularDataset
from ttc.errors import UserError
from ttc.types import Problem

ROWS = [
    {"problem": "1+1?", "answer": "2", "level": 1, "subject": "Algebra", "id": "a"},
    {"problem": "2+2?", "answer": 4, "level": "Level 5", "subject": "Algebra", "id": 7},
]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def many(count_by_level: dict[int, int]) -> list[Problem]:
    return [
        Problem(f"{level}-{number}", "?", "1", level)
        for level, count in count_by_level.items()
        for number in range(count)
    ]


def test_rows_become_problems_with_their_ids_levels_and_subjects(tmp_path: Path) -> None:
    dataset = TabularDataset(path=write(tmp_path / "p.jsonl", ROWS))
    problems = dataset.load()
    assert dataset.available == 2
    assert problems == [Problem("a", "1+1?", "2", 1, "Algebra"), Problem("7", "2+2?", "4", 5, "Algebra")]


def test_every_format_gives_the_same_problems(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{key: str(value) for key, value in row.items()} for row in ROWS]
    write(tmp_path / "p.jsonl", rows)
    (tmp_path / "p.json").write_text(json.dumps(rows), encoding="utf-8")
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (tmp_path / "p.csv").write_text("\n".join(lines), encoding="utf-8-sig")  # as spreadsheets write it
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    loaded = [
        TabularDataset(path=str(tmp_path / f"p{suffix}")).load() for suffix in (".jsonl", ".json", ".csv", ".parquet")
    ]
    assert loaded[0] == loaded[1] == loaded[2] == loaded[3]
    assert len(loaded[0]) == 2


def test_a_row_without_an_id_is_known_by_its_question_wherever_it_stands(tmp_path: Path) -> None:
    rows = [{"problem": f"{n}?", "answer": "1"} for n in range(3)]
    forward = TabularDataset(path=write(tmp_path / "f.jsonl", rows)).load()
    backward = TabularDataset(path=write(tmp_path / "b.jsonl", rows[::-1])).load()
    assert {p.question: p.id for p in forward} == {p.question: p.id for p in backward}


def test_gsm8k_answers_stand_after_the_marker(tmp_path: Path) -> None:
    path = write(tmp_path / "g.jsonl", [{"question": "?", "answer": "9 * 2 = 18\n#### 1,800"}])
    [problem] = TabularDataset(path=path, question_field="question", answer_marker="####").load()
    assert problem.gold == "1,800"


@pytest.mark.parametrize("unknown", [None, "", "Level ?"])
def test_an_unknown_level_is_none(tmp_path: Path, unknown: str | None) -> None:
    [problem] = TabularDataset(path=write(tmp_path / "p.jsonl", [{**ROWS[0], "level": unknown}])).load()
    assert problem.level is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROWS[0], {"problem": "?"}], ["p.jsonl:2", "'answer'", "data.answer_field"]),
        ([{"problem": "?", "anwser": "2"}], ["p.jsonl:1", "'answer'", "data.answer_field=anwser"]),
        ([{"problem": "?", "answer": None}], ["p.jsonl:1", "'answer' is empty"]),
        ([{"problem": "?", "answer": "  "}], ["p.jsonl:1", "'answer' is empty"]),
        ([{"problem": "?", "answer": ["2"]}], ["p.jsonl:1", "'answer'", "text or a number"]),
        ([{"problem": "?", "answer": True}], ["p.jsonl:1", "'answer'", "text or a number"]),
        ([{"answer": "2"}], ["p.jsonl:1", "'problem'", "data.question_field"]),
        ([ROWS[0], ROWS[0]], ["p.jsonl:2", "'a'", "p.jsonl:1", "data.id_field"]),
        ([{**ROWS[0], "level": "hard"}], ["p.jsonl:1", "'hard'", "data.level_field=null"]),
        ([], ["p.jsonl", "no rows"]),
    ],
)
def test_a_bad_row_is_told_with_its_file_line_field_and_remedy(
    tmp_path: Path, rows: list[dict[str, Any]], words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        TabularDataset(path=write(tmp_path / "p.jsonl", rows)).load()
    message = str(error.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.jsonl", b'{"problem": "?", "answer": "2"}\n{"problem"', ["p.jsonl:2", "not JSON"]),
        ("p.jsonl", b"[1]\n", ["p.jsonl:1", "not a JSON object"]),
        ("p.json", b'{"a": 1}', ["p.json", "not a JSON list"]),
        ("p.jsonl", b"\xff\xfe", ["p.jsonl", "UTF-8"]),
        ("p.parquet", b"no", ["p.parquet", "not a Parquet file"]),
        ("p.txt", b"", [".txt", ".jsonl"]),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_the_reason(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        TabularDataset(path=str(tmp_path / name)).load()
    assert all(word in str(error.value) for word in words), error.value


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path / "math500.jsonl", ROWS)
    with pytest.raises(UserError, match=r"no such file \(did you mean .*math500\.jsonl\?\)"):
        TabularDataset(path=str(tmp_path / "math50.jsonl")).check()


def test_a_marker_that_the_answer_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.jsonl:1.*'####'.*data\.answer_marker=null"):
        TabularDataset(path=write(tmp_path / "p.jsonl", ROWS), answer_marker="####").load()


def test_neither_path_nor_hub_is_told_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"data\.path is missing; set data\.path=FILE"):
        TabularDataset().check()


def test_checking_does_not_ask_the_hub() -> None:
    TabularDataset(hub="nobody/nothing").check()


def test_a_hub_data_set_that_cannot_be_loaded_is_told_with_the_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(UserError, match=r"data\.hub=some/set .*no route; .*data\.path=FILE"):
        TabularDataset(hub="some/set").load()


def test_hub_rows_become_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[object] = []

    def load_dataset(hub: str, config: str | None, split: str) -> list[dict[str, Any]]:
        asked.extend([hub, config, split])
        return ROWS

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    problems = TabularDataset(hub="some/set", hub_config="main", split="train").load()
    assert asked == ["some/set", "main", "train"]
    assert [problem.gold for problem in problems] == ["2", "4"]


def test_a_subset_keeps_every_levels_share_and_the_given_order() -> None:
    problems = many({1: 50, 3: 30, 5: 20})
    chosen = subset(problems, 10, seed=0)
    assert Counter(problem.level for problem in chosen) == {1: 5, 3: 3, 5: 2}
    assert chosen == [problem for problem in problems if problem in chosen]


def test_a_smaller_subset_lies_inside_a_larger_one() -> None:
    problems = many({1: 13, 2: 7, 4: 29})
    assert set(subset(problems, 6, seed=3)) < set(subset(problems, 20, seed=3))


def test_another_seed_chooses_others_whatever_the_order_of_the_problems() -> None:
    problems = many({1: 40, 2: 40})
    assert subset(problems, 10, seed=0) != subset(problems, 10, seed=1)
    assert set(subset(problems, 10, seed=0)) == set(subset(problems[::-1], 10, seed=0))


def test_no_limit_keeps_all() -> None:
    problems = many({1: 3})
    assert subset(problems, None, seed=0) == subset(problems, 99, seed=0) == problems


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.limit=0"):
        TabularDataset(limit=0)


def test_the_pockets_test_split_is_cut_by_level() -> None:
    pocket = PocketDataset(limit=50)
    assert Counter(problem.level for problem in pocket.load()) == dict.fromkeys(range(1, 6), 10)
    assert pocket.available == 500


def test_a_split_that_the_pocket_lacks_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.split=train"):
        PocketDataset(split="train")
