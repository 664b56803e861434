"""A dataset's limit chooses a stratified subset that does not depend on the order of the problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from ttc.data.base import Dataset, subset
from ttc.errors import UserError
from ttc.types import Problem


def problems_by_level(counts: Mapping[int, int]) -> list[Problem]:
    return [Problem(f"{level}-{number}", "?", "1", level) for level, count in counts.items() for number in range(count)]


@dataclass
class Generated(Dataset):
    """A user-defined dataset."""

    def read(self) -> list[Problem]:
        return problems_by_level({1: 30, 2: 30})


def test_a_subset_keeps_the_share_of_every_level_and_the_given_order() -> None:
    problems = problems_by_level({1: 50, 3: 30, 5: 20})
    chosen = subset(problems, 10, seed=0)
    assert Counter(problem.level for problem in chosen) == {1: 5, 3: 3, 5: 2}
    assert chosen == [problem for problem in problems if problem in chosen]


def test_a_smaller_subset_is_part_of_a_larger_one() -> None:
    problems = problems_by_level({1: 13, 2: 7, 4: 29})
    assert set(subset(problems, 6, seed=3)) < set(subset(problems, 20, seed=3))


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_the_problems() -> None:
    problems = problems_by_level({1: 40, 2: 40})
    assert subset(problems, 10, seed=0) != subset(problems, 10, seed=1)
    assert set(subset(problems, 10, seed=0)) == set(subset(problems[::-1], 10, seed=0))


def test_without_a_limit_or_with_a_large_one_all_problems_are_kept() -> None:
    problems = problems_by_level({1: 3})
    assert subset(problems, None, seed=0) == subset(problems, 99, seed=0) == problems


def test_a_dataset_loads_the_subset_that_its_limit_and_seed_choose() -> None:
    everything = Generated().read()
    assert Generated().load() == everything
    assert Generated(limit=8, seed=3).load() == subset(everything, 8, seed=3)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(UserError, match=rf"data\.limit={limit}: must be at least 1 problem; use e\.g\. data\.limit=20"):
        Generated(limit=limit)


def test_a_start_leaves_out_the_first_problems_before_the_limit_chooses() -> None:
    everything = Generated().load()
    later = Generated(start=20).load()
    assert later == everything[20:]
    assert Generated(start=20, limit=7).load() == subset(later, 7, seed=0)
    assert Generated(start=20).read() == everything


def test_a_start_that_leaves_nothing_or_is_negative_is_refused() -> None:
    assert len(Generated(start=59).load()) == 1
    with pytest.raises(UserError, match=r"data\.start=60: leaves none of the 60 problems .* at most data\.start=59"):
        Generated(start=60).load()
    with pytest.raises(UserError, match=r"data\.start=-1: must not be negative"):
        Generated(start=-1)
