"""A shard is the part of a run's problems that one of several machines takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.data.base import Dataset, subset
from ttc.data.datasets import PocketDataset
from ttc.data.sharding import sharded
from ttc.errors import UserError
from ttc.types import Problem

LEVELS = st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=1, max_size=60)


def leveled(levels: list[int | None]) -> list[Problem]:
    return [Problem(f"p{number}", "?", "1", level) for number, level in enumerate(levels)]


@dataclass
class Given(Dataset):
    """A dataset of given problems."""

    problems: list[Problem] = field(default_factory=list)

    def read(self) -> list[Problem]:
        return self.problems


@given(levels=LEVELS, data=st.data())
def test_any_number_of_shards_divide_the_problems_without_rest_or_overlap(
    levels: list[int | None], data: st.DataObject
) -> None:
    problems = leveled(levels)
    count = data.draw(st.integers(1, len(problems)))
    shards = [sharded(problems, f"{number}/{count}") for number in range(1, count + 1)]
    taken = [problem for shard in shards for problem in shard]
    assert sorted(taken, key=problems.index) == problems and len(set(taken)) == len(problems)
    assert all(shard == sorted(shard, key=problems.index) for shard in shards)


@given(levels=LEVELS, count=st.integers(1, 8))
def test_shards_differ_by_at_most_one_problem_also_within_every_level(levels: list[int | None], count: int) -> None:
    problems = leveled(levels)
    shards = [sharded(problems, f"{number}/{count}") for number in range(1, min(count, len(problems)) + 1)]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    if len(shards) == count:
        for level in set(levels):
            parts = [sum(problem.level == level for problem in shard) for shard in shards]
            assert max(parts) - min(parts) <= 1


@given(order=st.permutations(range(20)))
def test_a_shard_does_not_depend_on_the_order_of_the_problems(order: list[int]) -> None:
    problems = leveled([1 + number % 3 for number in range(20)])
    assert set(sharded([problems[place] for place in order], "2/3")) == set(sharded(problems, "2/3"))


def test_a_shard_is_a_part_of_what_start_and_limit_leave() -> None:
    problems = leveled([1 + number % 5 for number in range(60)])
    shards = [Given(problems=problems, start=7, limit=20, shard=f"{number}/3").load() for number in (1, 2, 3)]
    assert Counter(map(len, shards)) == {7: 2, 6: 1}
    assert {problem for shard in shards for problem in shard} == set(subset(problems[7:], 20, seed=0))
    assert Given(problems=problems, start=7, limit=20, shard="1/1").load() == subset(problems[7:], 20, seed=0)


def test_the_shards_of_all_problems_are_the_same_for_every_seed() -> None:
    problems = leveled([1 + number % 5 for number in range(60)])
    assert Given(problems=problems, shard="2/4", seed=5).load() == Given(problems=problems, shard="2/4").load()


@pytest.mark.parametrize("shard", ["0/8", "9/8", "3", "a/b", "3/0", "", "1/2/3", "-1/2", " 1/2", "1.0/2", "٣/8"])
def test_what_is_no_part_is_refused(shard: str) -> None:
    with pytest.raises(UserError) as refused:
        PocketDataset(shard=shard)
    assert str(refused.value) == (
        f"data.shard={shard}: must be K/N, the K-th of N parts, with K from 1 to N; use e.g. data.shard=3/8, or null "
        "for all problems."
    )


def test_a_shard_has_one_spelling() -> None:
    assert PocketDataset(shard="03/08").shard == "3/8"


def test_an_empty_shard_is_refused_before_any_weights_load() -> None:
    data = PocketDataset(limit=5, shard="6/10")
    with pytest.raises(
        UserError, match=r"^data\.shard=6/10: takes none of the 5 problems; use at most 5 shards, e\.g\. "
    ):
        data.check()
    assert len(PocketDataset(limit=5, shard="5/10").load()) == 1


def test_runs_that_are_older_than_shards_record_none() -> None:
    assert "shard" in PocketDataset().later_defaults()
    assert "shard" not in PocketDataset(shard="1/2").later_defaults()
