"""What a dataset is: a source of problems, of which a run takes all or a stratified part."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ttc.errors import UserError
from ttc.types import Problem


@dataclass
class Dataset(ABC):
    """Problems with gold answers. Subclasses are dataclasses whose fields are the keys of their YAML file.

    Attributes:
        name: what tables call it.
        limit: how many problems to keep, stratified by level (see `subset`); None keeps all.
        seed: which ones.
    """

    name: str = "data"
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an impossible limit."""
        if self.limit is not None and self.limit < 1:
            raise UserError(
                f"data.limit={self.limit}: must be at least 1 problem; use e.g. data.limit=20, or null for all."
            )

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

    def load(self) -> list[Problem]:
        """Return the problems that `limit` and `seed` choose, in the data's own order."""
        return subset(self.read(), self.limit, self.seed)


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
