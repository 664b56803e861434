"""Where training problems come from: the pocket's endless splits, or a dataset that is cut in two."""

from __future__ import annotations

from collections.abc import Sequence

from ttc.data.base import Dataset, shuffled
from ttc.data.datasets import PocketDataset, TabularDataset
from ttc.data.step_labels import StepLabels
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.pocket.problems import sample_problems
from ttc.types import Problem

TRAIN, VALIDATION = "train", "validation"


def check_source(data: Dataset) -> None:
    """Refuse data that a training must not learn from, before any weights load.

    Raises:
        UserError: the data cannot be read, is the split that runs are tested on, or a part for one of several machines.
    """
    if data.shard is not None:
        raise UserError(
            f"data.shard={data.shard}: shards divide a run among machines, and a training learns from all of its "
            "problems; leave data.shard out, or take fewer problems with data.limit."
        )
    if isinstance(data, TabularDataset) and data.path is None and data.split == "test":
        raise UserError(
            f"data.split=test: a training must not see the problems that runs of data={data.name} are tested on; use "
            "data.split=train."
        )
    data.check()


def training_problems(data: Dataset, split: str, train: int, validation: int, seed: int) -> Sequence[Problem]:
    """Return `train` problems to learn from, or `validation` others to measure by.

    A dataset is shuffled by `data.seed` and its problems' ids, so that its order and its other problems do not matter:
    the validation problems come first, then those of the training. Where problems have no levels, that is the order of
    `data.limit` in `ttc run`, and both share their samples. `seed` is that of the pocket's endless splits.

    Raises:
        UserError: the dataset has not as many problems.
    """
    if isinstance(data, PocketDataset):
        return list(sample_problems(split, train if split == TRAIN else validation, seed))
    problems = shuffled(data.load(), data.seed)
    if len(problems) < train + validation:
        raise UserError(
            f"problems={train} and validation_problems={validation} are more than the {len(problems):,} problems of "
            f"data={data.name}; use {_fitting(len(problems), validation)}."
        )
    return problems[:validation] if split == VALIDATION else problems[validation : validation + train]


def split_solutions(
    solutions: Sequence[StepLabels], train: int, validation: int, seed: int
) -> tuple[list[StepLabels], list[StepLabels]]:
    """Cut labelled solutions in two by their questions: those of at most `train` to learn from, of `validation` others.

    Raises:
        UserError: there are not so many questions.
    """
    questions = sorted({solution.question for solution in solutions}, key=lambda question: digest(seed, question))
    if len(questions) <= validation:
        raise UserError(
            f"validation_problems={validation} leaves none of the file's {len(questions)} problems to learn from; use "
            f"e.g. validation_problems={max(1, len(questions) // 5)}."
        )
    held_out, learnt = set(questions[:validation]), set(questions[validation : validation + train])
    return (
        [solution for solution in solutions if solution.question in learnt],
        [solution for solution in solutions if solution.question in held_out],
    )


def _fitting(available: int, validation: int) -> str:
    if available > validation:
        return f"at most problems={available - validation}"
    held_out = max(1, available // 5)
    return f"e.g. problems={available - held_out} validation_problems={held_out}"
