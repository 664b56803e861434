"""The problems that a run takes, after every check that comes before any weights load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ttc.config import RunConfig
from ttc.difficulty.base import Bins
from ttc.types import Problem


@dataclass(frozen=True)
class ChosenProblems:
    """A run's problems.

    Attributes:
        problems: those of the run, in the data's own order.
        available: how many there are after `data.start`.
        chosen: how many of them `data.limit` leaves, of which the run takes its shard.
        foreseen: the bins that are known beforehand.
        shard: the run's, such as 3/8; None: it takes all that are chosen.
    """

    problems: list[Problem]
    available: int
    chosen: int
    foreseen: Bins
    shard: str | None

    def entries(self) -> Mapping[str, int | str]:
        """Return the entries of summary.json; those on the shard only where there is one."""
        if self.shard is None:
            return {"n_problems_available": self.available}
        return {"n_problems_available": self.available, "n_problems_chosen": self.chosen, "shard": self.shard}

    def notes(self, config: RunConfig, bins: Bins) -> list[str]:
        """Say of a shard's bins where they are relative to it: quintiles that were not known beforehand."""
        relative = bins.quintile and not self.foreseen.quintile and not getattr(config.difficulty, "thresholds", None)
        if self.shard is None or not relative:
            return []
        return [relative_bins_note(self.shard)]


def relative_bins_note(shard: str) -> str:
    """Return the note that a shard's quintiles are relative to it."""
    return (
        f"quintiles are those among the problems of data.shard={shard} alone; `ttc merge` bins the problems of all "
        "shards together"
    )


def choose_problems(config: RunConfig) -> ChosenProblems:
    """Check a config, and return its problems; nothing is loaded but the data.

    Raises:
        UserError: for whatever is wrong with the config or the data.
    """
    config.check()
    available = config.data.available()
    chosen = config.data.chosen(available)
    problems = config.data.own(chosen)
    foreseen = config.difficulty.bins([problem.id for problem in problems], own={})
    config.check_problems(problems)
    return ChosenProblems(problems, len(available), len(chosen), foreseen, config.data.shard)
