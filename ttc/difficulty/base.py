"""What a difficulty is: a way to sort problems into five bins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bins:
    """The quintile (1 easiest .. 5 hardest) of every problem that has one, and a note on their origin if it matters."""

    quintile: dict[str, int]
    note: str | None = None


@dataclass
class Difficulty(ABC):
    """Bins problems by difficulty. Subclasses are dataclasses whose fields are the keys of their YAML file."""

    def check(self) -> None:
        """Refuse what cannot work before any weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    @abstractmethod
    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        """Bin the problems `ids`.

        Args:
            ids: of the run's problems.
            own: the run's own pass@1 by id, where its samples are independent; None otherwise.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
