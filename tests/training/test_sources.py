"""Training problems: disjoint splits of a dataset, or of the pocket's endless ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ttc.data.datasets import PocketDataset, TabularDataset
from ttc.errors import UserError
from ttc.training.sources import TRAIN, VALIDATION, check_source, training_problems


def dataset(directory: Path, count: int, **settings: object) -> TabularDataset:
    file = directory / "problems.jsonl"
    file.write_text("".join(json.dumps({"problem": f"{i}+0?", "answer": str(i)}) + "\n" for i in range(count)))
    return TabularDataset(path=str(file), **settings)  # type: ignore[arg-type]


def questions(data: TabularDataset | PocketDataset, split: str, train: int, validation: int) -> list[str]:
    return [problem.question for problem in training_problems(data, split, train, validation, seed=3)]


def test_training_and_validation_problems_of_a_dataset_are_different_ones(tmp_path: Path) -> None:
    data = dataset(tmp_path, 30)
    train, validation = questions(data, TRAIN, 20, 10), questions(data, VALIDATION, 20, 10)
    assert (len(train), len(validation)) == (20, 10)
    assert not set(train) & set(validation)


def test_more_training_problems_are_added_behind_the_same_ones(tmp_path: Path) -> None:
    data = dataset(tmp_path, 30)
    assert questions(data, TRAIN, 20, 10)[:8] == questions(data, TRAIN, 8, 10)
    assert questions(data, VALIDATION, 20, 10) == questions(data, VALIDATION, 8, 10)


def test_a_run_with_a_limit_has_the_same_problems_and_another_seed_has_others(tmp_path: Path) -> None:
    data = dataset(tmp_path, 30)
    limited = [problem.question for problem in dataset(tmp_path, 30, limit=15).load()]
    assert set(questions(data, VALIDATION, 10, 5)) | set(questions(data, TRAIN, 10, 5)) == set(limited)
    assert set(questions(dataset(tmp_path, 30, seed=1), TRAIN, 10, 5)) != set(questions(data, TRAIN, 10, 5))


def test_the_order_of_the_file_does_not_matter_and_the_limit_does(tmp_path: Path) -> None:
    data = dataset(tmp_path, 30)
    before = questions(data, TRAIN, 5, 5)
    file = Path(str(data.path))
    file.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))
    assert questions(data, TRAIN, 5, 5) == before
    with pytest.raises(UserError, match="are more than the 9 problems"):
        questions(dataset(tmp_path, 30, limit=9), TRAIN, 5, 5)


@pytest.mark.parametrize(
    ("train", "validation", "remedy"),
    [(30, 10, "use at most problems=20"), (5, 40, "use e.g. problems=24 validation_problems=6")],
)
def test_too_many_problems_are_refused_with_numbers_that_fit(
    train: int, validation: int, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=remedy):
        questions(dataset(tmp_path, 30), TRAIN, train, validation)


def test_the_pockets_splits_are_drawn_anew() -> None:
    train, validation = questions(PocketDataset(), TRAIN, 40, 40), questions(PocketDataset(), VALIDATION, 40, 40)
    assert len(train) == len(validation) == 40
    assert not set(train) & set(validation)


def test_the_test_split_of_a_dataset_on_the_hub_is_refused_and_its_training_split_is_not() -> None:
    with pytest.raises(UserError, match=r"data\.split=test: a training must not see .*; use data\.split=train"):
        check_source(TabularDataset(name="gsm8k", hub="openai/gsm8k"))
    check_source(TabularDataset(name="gsm8k", hub="openai/gsm8k", split="train"))


@pytest.mark.parametrize("data", [PocketDataset(shard="1/2"), TabularDataset(path="nowhere", shard="1/2")])
def test_a_training_takes_no_shard(data: PocketDataset | TabularDataset) -> None:
    with pytest.raises(UserError, match=r"^data\.shard=1/2: .* leave data\.shard out, or take fewer .* data\.limit\.$"):
        check_source(data)
