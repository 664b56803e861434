"""What a dataset is: a source of problems, of which a run takes all, a stratified part, or one machine's shard."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields

from ttc.data.sharding import checked_shard, sharded
from ttc.errors import UserError
from ttc.types import Problem

LATER_SETTINGS = frozenset(
    {"start", "shard", "revision", "context_field", "aliases", "answer_reading", "several_answers", "skip_bad_rows"}
)
"""Settings that finished runs, stores and trainings may be older than: these record them only where they are set."""


@dataclass
class Dataset(ABC):
    """Problems with gold answers. Subclasses are dataclasses whose fields are the keys of their YAML file.

    Attributes:
        name: what tables call it.
        limit: how many problems to keep, stratified by level (see `subset`); None keeps all.
        seed: which ones.
        start: how many of the first problems, in the data's own order, to leave out before `limit` chooses.
        shard: `K/N`, the K-th of N parts of what `start` and `limit` leave (see `sharded`); None keeps all.
    """

    name: str = "data"
    limit: int | None = None
    seed: int = 0
    start: int = 0
    shard: str | None = None

    def __post_init__(self) -> None:
        """Refuse an impossible limit, start or shard."""
        if self.limit is not None and self.limit < 1:
            raise UserError(
                f"data.limit={self.limit}: must be at least 1 problem; use e.g. data.limit=20, or null for all."
            )
        if self.start < 0:
            raise UserError(f"data.start={self.start}: must not be negative; use e.g. data.start=100, or 0.")
        if self.shard is not None:
            self.shard = checked_shard(self.shard)

    @property
    def notes(self) -> list[str]:
        """What a run's notes say of the problems that were read last."""
        return []

    def later_defaults(self) -> frozenset[str]:
        """Return those of the later settings that are at their defaults."""

        def is_default(name: str) -> bool:
            setting = known[name]
            default = setting.default if setting.default_factory is MISSING else setting.default_factory()
            return bool(getattr(self, name) == default)

        known = {setting.name: setting for setting in fields(self)}
        return frozenset(name for name in LATER_SETTINGS & known.keys() if is_default(name))

    def check(self) -> None:
        """Find what is wrong with the data before any weights load, as far as that is quick.

        Raises:
            UserError: with the place, the rule and the remedy.
        """

    @abstractmethod
    def read(self) -> list[Problem]:
        """Return every problem, in the data's own order, with unique ids.

        Raises:
            UserError: with the place, the rule and the remedy.
        """

    def available(self) -> list[Problem]:
        """Return the problems from `start` on, in the data's own order.

        Raises:
            UserError: there are none, or see `read`.
        """
        problems = self.read()
        if self.start and self.start >= len(problems):
            raise UserError(
                f"data.start={self.start}: leaves none of the {len(problems):,} problems of data={self.name}; use at "
                f"most data.start={len(problems) - 1}."
            )
        return problems[self.start :]

    def chosen(self, available: Sequence[Problem]) -> list[Problem]:
        """Return those of the available problems that `limit` and `seed` choose, for all shards together."""
        return subset(available, self.limit, self.seed)

    def own(self, chosen: Sequence[Problem]) -> list[Problem]:
        """Return this shard's part of the chosen problems.

        Raises:
            UserError: it is empty.
        """
        return list(chosen) if self.shard is None else sharded(chosen, self.shard)

    def load(self) -> list[Problem]:
        """Return the problems that `start`, `limit`, `seed` and `shard` choose, in the data's own order.

        Raises:
            UserError: there are none, or see `read`.
        """
        return self.own(self.chosen(self.available()))


def subset(problems: Sequence[Problem], limit: int | None, seed: int) -> list[Problem]:
    """Return `limit` problems that represent all of them, in their given order; None returns all.

    Every level keeps its share (to within one problem). The choice depends only on ids and seed, and a smaller limit
    chooses among a larger one's problems: runs with limits of 20 and 50 share 20 problems.
    """
    if limit is None or limit >= len(problems):
        return list(problems)
    levels: dict[int | None, list[Problem]] = defaultdict(list)
    for problem in shuffled(problems, seed):
        levels[problem.level].append(problem)
    # The k-th of a level's n problems is placed at (k + 1/2)/n: any prefix of this order is stratified.
    order = sorted(
        ((rank + 0.5) / len(members), _rank(problem, seed), problem.id)
        for members in levels.values()
        for rank, problem in enumerate(members)
    )
    chosen = {id_ for _, _, id_ in order[:limit]}
    return [problem for problem in problems if problem.id in chosen]


def shuffled(problems: Sequence[Problem], seed: int) -> list[Problem]:
    """Return the problems in an order that depends only on their ids and the seed."""
    return sorted(problems, key=lambda problem: _rank(problem, seed))


def _rank(problem: Problem, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{problem.id}".encode()).digest()
