"""Datasets become problems, and their errors one line with a remedy."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ttc.data.datasets import PocketDataset, TabularDataset
from ttc.data.golds import AnswerReading
from ttc.errors import UserError
from ttc.types import Problem

ROWS = [
    {"problem": "1+1?", "answer": "2", "level": 1, "subject": "Algebra", "id": "a"},
    {"problem": "2+2?", "answer": 4, "level": "Level 5", "subject": "Algebra", "id": 7},
]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_rows_become_problems_with_their_ids_levels_and_subjects(tmp_path: Path) -> None:
    dataset = TabularDataset(path=write(tmp_path / "p.jsonl", ROWS))
    problems = dataset.load()
    assert len(dataset.read()) == 2
    assert problems == [Problem("a", "1+1?", "2", 1, "Algebra"), Problem("7", "2+2?", "4", 5, "Algebra")]


def test_a_limit_applies_to_loading_but_not_to_reading(tmp_path: Path) -> None:
    dataset = TabularDataset(limit=1, path=write(tmp_path / "p.jsonl", ROWS))
    assert (len(dataset.load()), len(dataset.read())) == (1, 2)


def test_every_file_format_gives_the_same_problems(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{key: str(value) for key, value in row.items()} for row in ROWS]
    write(tmp_path / "p.jsonl", rows)
    (tmp_path / "p.json").write_text(json.dumps(rows), encoding="utf-8")
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (tmp_path / "p.csv").write_text("\n".join(lines), encoding="utf-8-sig")  # as spreadsheet programs write it
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    loaded = [
        TabularDataset(path=str(tmp_path / f"p{suffix}")).load() for suffix in (".jsonl", ".json", ".csv", ".parquet")
    ]
    assert loaded[0] == loaded[1] == loaded[2] == loaded[3]
    assert len(loaded[0]) == 2


def test_a_row_without_an_id_is_identified_by_its_question_wherever_it_is(tmp_path: Path) -> None:
    rows = [{"problem": f"{n}?", "answer": "1"} for n in range(3)]
    forward = TabularDataset(path=write(tmp_path / "f.jsonl", rows)).load()
    backward = TabularDataset(path=write(tmp_path / "b.jsonl", rows[::-1])).load()
    assert {p.question: p.id for p in forward} == {p.question: p.id for p in backward}


def test_gsm8k_answers_follow_the_marker(tmp_path: Path) -> None:
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
        (
            [{"problem": "?", "answer": ["1", "2"]}],
            ["p.jsonl:1", "'answer'", "a list of 2 answers", "data.several_answers=all"],
        ),
        ([{"problem": "?", "answer": []}], ["p.jsonl:1", "'answer'", "a list of 0 answers"]),
        ([{"problem": "?", "answer": {"a": 1}}], ["p.jsonl:1", "'answer'", "text or a number"]),
        ([{"problem": "?", "answer": True}], ["p.jsonl:1", "'answer'", "text or a number"]),
        ([{"answer": "2"}], ["p.jsonl:1", "'problem'", "data.question_field"]),
        ([ROWS[0], ROWS[0]], ["p.jsonl:2", "'a'", "p.jsonl:1", "data.id_field"]),
        ([{**ROWS[0], "level": "hard"}], ["p.jsonl:1", "'hard'", "data.level_field=null"]),
        ([], ["p.jsonl", "no rows"]),
    ],
)
def test_a_bad_row_is_reported_with_its_file_line_field_and_remedy(
    tmp_path: Path, rows: list[dict[str, Any]], words: list[str]
) -> None:
    dataset = TabularDataset(path=write(tmp_path / "p.jsonl", rows))
    for read in (dataset.load, dataset.check):
        with pytest.raises(UserError) as error:
            read()
        message = str(error.value)
        assert all(word in message for word in words), message
        assert "\n" not in message


def test_a_list_of_one_answer_is_that_answer(tmp_path: Path) -> None:
    [problem] = TabularDataset(path=write(tmp_path / "p.jsonl", [{"problem": "?", "answer": ["2"]}])).load()
    assert problem.gold == "2"


@pytest.mark.parametrize("key", ["answer_marker", "path", "hub"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_setting_is_refused_at_once(key: str, blank: str) -> None:
    settings: dict[str, Any] = {key: blank}
    with pytest.raises(UserError, match=rf"data\.{key}='{blank}'"):
        TabularDataset(**settings)


def test_a_number_and_a_text_do_not_share_an_id(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "id": 1}, {**ROWS[1], "id": "1"}]
    with pytest.raises(UserError, match=r"p\.jsonl:2 has the id '1' of .*p\.jsonl:1; ids must be unique"):
        TabularDataset(path=write(tmp_path / "p.jsonl", rows)).load()


def test_a_missing_file_is_refused_by_the_check(tmp_path: Path) -> None:
    write(tmp_path / "math500.jsonl", ROWS)
    with pytest.raises(UserError, match=r"no such file \(did you mean .*math500\.jsonl\?\)"):
        TabularDataset(path=str(tmp_path / "math50.jsonl")).check()


def test_an_answer_without_the_marker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.jsonl:1.*'####'.*data\.answer_marker=null"):
        TabularDataset(path=write(tmp_path / "p.jsonl", ROWS), answer_marker="####").load()


def test_a_dataset_without_path_or_hub_is_refused_with_a_remedy() -> None:
    for read in (TabularDataset().check, TabularDataset().load):
        with pytest.raises(UserError, match=r"data\.path is missing; set data\.path=FILE"):
            read()


def test_the_check_does_not_query_the_hub() -> None:
    TabularDataset(hub="nobody/nothing").check()


def test_an_impossible_limit_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.limit=0"):
        TabularDataset(limit=0)
    with pytest.raises(UserError, match=r"data\.limit=-1"):
        PocketDataset(limit=-1)


def test_a_limit_on_the_pockets_test_split_is_stratified_by_level() -> None:
    pocket = PocketDataset(limit=50)
    assert Counter(problem.level for problem in pocket.load()) == dict.fromkeys(range(1, 6), 10)
    assert len(pocket.read()) == 500


def test_a_split_that_the_pocket_lacks_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.split=train.*use test or validation"):
        PocketDataset(split="train")


def test_the_answer_of_a_gold_that_is_a_worked_solution_is_read_when_it_is_loaded(tmp_path: Path) -> None:
    golds = [r"6 times 4 is $\boxed{24}$.", "6 * 4 = <<6*4=24>>24\n#### 24", "It is 6 times 4. The answer is 24.", "24"]
    rows = [{"problem": f"{n}?", "answer": gold} for n, gold in enumerate(golds)]
    assert [p.gold for p in TabularDataset(path=write(tmp_path / "p.jsonl", rows)).read()] == ["24"] * 4


def test_golds_that_are_all_worked_solutions_without_an_answer_are_refused(tmp_path: Path) -> None:
    solution = "She sells 16 eggs each day. She eats three of them for breakfast. Four go into the muffins. " * 3
    rows = [{"problem": f"{n}?", "answer": solution} for n in range(3)]
    with pytest.raises(UserError, match=r"data\.answer_field=answer: holds worked solutions .* set data\.answer_field"):
        TabularDataset(path=write(tmp_path / "p.jsonl", rows)).read()
    verbatim = TabularDataset(path=write(tmp_path / "p.jsonl", rows), answer_reading=AnswerReading.verbatim)
    assert [problem.gold for problem in verbatim.read()] == [solution.strip()] * 3
