"""Rows of ProcessBench and PRM800K become labelled solutions; a bad row is one line with its place and a remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ttc.data.step_labels import StepLabels, read_step_labels
from ttc.errors import UserError

ROW: dict[str, Any] = {"id": "gsm8k-0", "problem": "What is 1+1?", "steps": ["a", "b", "c"], "label": 1}


def written(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(tmp_path: Path, *rows: Mapping[str, Any], alternatives: bool = False) -> list[StepLabels]:
    return read_step_labels(written(tmp_path / "rows.jsonl", *rows), alternatives=alternatives)


def step(*ratings: int | None, chosen: int | None = 0, human: object = None, name: str = "s") -> dict[str, Any]:
    """Return a step of PRM800K whose completions are called s0, s1, .."""
    completions = [{"text": f"{name}{n}", "rating": rating, "flagged": False} for n, rating in enumerate(ratings)]
    return {"completions": completions, "human_completion": human, "chosen_completion": chosen}


def labelled(*steps: object, reason: str = "solution", **question: Any) -> dict[str, Any]:
    return {"question": {"problem": "1+1?", **question}, "label": {"steps": [*steps], "finish_reason": reason}}


def shown(solutions: list[StepLabels]) -> list[tuple[list[str], list[bool | None]]]:
    return [([text.strip() for text in s.steps], [*s.labels]) for s in solutions]


def test_steps_before_the_first_wrong_one_are_correct_and_those_behind_it_not_rated(tmp_path: Path) -> None:
    [found] = read(tmp_path, ROW)
    assert (found.id, found.question) == ("gsm8k-0", "What is 1+1?")
    assert found.steps == ("a\n\n", "b\n\n", "c\n\n") and found.labels == (True, False, None)
    assert found.first_error == 1 and found.is_labelled_to_first_error and not found.is_correct


def test_a_label_of_minus_one_means_that_all_steps_are_correct(tmp_path: Path) -> None:
    [found] = read(tmp_path, ROW | {"label": -1})
    assert found.labels == (True, True, True)
    assert found.first_error is None and found.is_labelled_to_first_error and found.is_correct


def test_every_step_ends_with_one_blank_line_whatever_surrounds_it(tmp_path: Path) -> None:
    [found] = read(tmp_path, ROW | {"steps": [" a\n", "\nb\nb\n\n\n", "c"]})
    assert found.steps == ("a\n\n", "b\nb\n\n", "c\n\n")


def test_blank_steps_are_left_out_and_the_labels_stay_with_their_steps(tmp_path: Path) -> None:
    [found] = read(tmp_path, ROW | {"steps": ["a", " ", "b", "c"], "label": 2})
    assert found.steps == ("a\n\n", "b\n\n", "c\n\n") and found.labels == (True, False, None)


def test_rows_without_an_id_or_with_that_of_another_get_ids_of_their_content(tmp_path: Path) -> None:
    other = ROW | {"problem": "What is 2+2?"}
    nameless = {key: value for key, value in ROW.items() if key != "id"}
    found = read(tmp_path, nameless, ROW, other, ROW | {"id": "own"})
    ids = {s.question + s.id for s in found}
    assert len(ids) == 4 and found[3].id == "own"
    again = read(tmp_path, ROW | {"id": "own"}, other, ROW, nameless)
    assert {s.question + s.id for s in again} == ids
    assert found[1].id == f"{found[0].id}-2"  # the same solution twice


@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_other_files_are_read_too(tmp_path: Path, kind: str) -> None:
    path, steps = tmp_path / f"rows.{kind}", ROW["steps"]
    if kind == "json":
        path.write_text(json.dumps([ROW]))
    elif kind == "csv":
        quoted = json.dumps(steps).replace('"', '""')
        path.write_text(f'id,question,steps,label\ngsm8k-0,What is 1+1?,"{quoted}",1\n')
    else:
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([ROW | {"label": 1.0}]), path)
    assert read_step_labels(path) == read(tmp_path, ROW)


def test_the_chosen_path_of_prm800k_is_a_solution_and_neutral_steps_are_correct(tmp_path: Path) -> None:
    [found] = read(tmp_path, labelled(step(1), step(-1, 0, chosen=1, name="t"), step(1, name="u")))
    assert shown([found]) == [(["s0", "t1", "u0"], [True, True, True])]
    assert found.is_correct and len(found.id) == 12


def test_each_rating_occurs_once_among_the_path_and_its_alternatives(tmp_path: Path) -> None:
    row = labelled(step(1), step(-1, 1, None, 0, chosen=1, name="t"), step(None, name="u"))
    found = read(tmp_path, row, alternatives=True)
    assert shown(found) == [
        (["s0", "t1", "u0"], [True, True, None]),
        (["s0", "t0"], [None, False]),
        (["s0", "t3"], [None, True]),
    ]
    assert [s.first_error for s in found] == [None, 1, None]
    assert [s.is_labelled_to_first_error for s in found] == [False, False, False]


def test_a_path_that_was_stopped_at_an_error_ends_with_the_wrong_step_of_the_solution(tmp_path: Path) -> None:
    steps = (step(1), step(1, -1, -1, chosen=None, name="t"))
    planned = labelled(*steps, reason="found_error", pre_generated_steps=["s0", "t2", "u"])
    assert shown(read(tmp_path, planned)) == [(["s0", "t2"], [True, False])]
    assert shown(read(tmp_path, labelled(*steps, reason="give_up"))) == [(["s0", "t1"], [True, False])]
    found = read(tmp_path, planned, alternatives=True)
    assert shown(found)[1:] == [(["s0", "t0"], [None, True]), (["s0", "t1"], [None, False])]


@pytest.mark.parametrize("human", ["mine", {"text": "mine", "rating": None}])
def test_a_step_that_the_labeler_wrote_continues_the_path_without_a_rating(tmp_path: Path, human: object) -> None:
    row = labelled(step(-1, chosen=None, human=human), step(1, name="t"), step(chosen=None), reason="give_up")
    assert shown(read(tmp_path, row)) == [(["mine", "t0"], [None, True])]
    assert shown(read(tmp_path, row, alternatives=True))[1] == (["s0"], [False])


def test_broken_problems_and_unrated_paths_are_left_out_and_null_completions_are_none(tmp_path: Path) -> None:
    empty = {"completions": None, "human_completion": None, "chosen_completion": None}
    rows = (
        labelled(step(1), reason="bad_problem"),
        labelled(step(None)),
        labelled(empty),
        labelled(step(1), empty),
    )
    assert shown(read(tmp_path, *rows)) == [(["s0"], [True])]
    with pytest.raises(UserError, match=r"rows\.jsonl has no labelled solutions; a row looks like"):
        read(tmp_path, *rows[:3])


def changed(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in (ROW | values).items() if value != "absent"}


BAD_ROWS = {
    "has no field 'problem' or 'question'": changed(problem="absent"),
    "problem is 3; it must be a text": changed(problem=3),
    "problem is ' '; it must be a text": changed(problem=" "),
    "has no field 'steps'": changed(steps="absent"),
    "field 'steps' is []; it must be a list of texts": changed(steps=[]),
    "field 'steps' is 'a b'; it must be a list": changed(steps="a b"),
    "steps[1] is None; a step is a text": changed(steps=["a", None]),
    "steps[1] contains a NUL character": changed(steps=["a", "b\0"]),
    "all steps are blank": changed(steps=["", " "], label=-1),
    "the step that is labelled wrong is blank": changed(steps=["a", " "]),
    "has no field 'label'": changed(label="absent"),
    "field 'label' is 3; with 3 steps, the first wrong one is 0 to 2, or -1": changed(label=3),
    "field 'label' is -2; ": changed(label=-2),
    "field 'label' is True; ": changed(label=True),
    "field 'label' is 0.5; ": changed(label=0.5),
    "field 'label' is [0]; ": changed(label=[0]),
    "field 'id' is ['x']; an id is a number or a short text": changed(id=["x"]),
    "field 'question' is 'What?'; in PRM800K's rows it holds `problem`": labelled() | {"question": "What?"},
    "question.problem is None; it must be a text": labelled(step(1), problem=None),
    "label.steps is None; it must be a list of steps": {"question": {"problem": "?"}, "label": {}},
    "label.steps[1] is 'x'; it must hold `completions`": labelled(step(1), "x"),
    "label.steps[0].completions is 3; it must be a list": labelled({"completions": 3}),
    "label.steps[0].completions[0] is {'rating': 1}; ": labelled({"completions": [{"rating": 1}]}),
    "label.steps[0].completions[0].rating is 2; it must be -1, 0, 1 or null": labelled(step(2)),
    "label.steps[0].chosen_completion is 1; it must be null or the index of one of the 1": labelled(step(1, chosen=1)),
}


@pytest.mark.parametrize("message", BAD_ROWS)
def test_a_bad_row_is_one_line_with_its_place(tmp_path: Path, message: str) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, ROW, BAD_ROWS[message])
    assert "rows.jsonl:2" in str(error.value) and message in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_described_as_one_of_step_labels(tmp_path: Path) -> None:
    written(tmp_path / "rows.jsonl", ROW)
    with pytest.raises(UserError, match=r"^labels=\S*row\.jsonl: no such file .*rows\.jsonl\?\); labels is a"):
        read_step_labels(tmp_path / "row.jsonl")
    (tmp_path / "rows.jsonl").write_text("[1]\n")
    with pytest.raises(UserError, match=r'not a JSON object; a row looks like \{"problem": \.\.\., "steps"'):
        read_step_labels(tmp_path / "rows.jsonl")
