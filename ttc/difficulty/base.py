"""What a difficulty is: a way to sort problems into five bins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttc.models import Embeddings
from ttc.runs.records import ProblemRecord
from ttc.types import Problem

Embed = Callable[[Sequence[Problem]], Embeddings]
"""Returns what the generator makes of each problem before it writes anything."""


@dataclass(frozen=True, slots=True)
class Bins:
    """The quintile (1 easiest .. 5 hardest) of every problem that has one.

    Attributes:
        quintile: by problem id.
        note: on their origin, if it matters.
        origin: entries of summary.json: the kind of difficulty, and what finding it out cost per problem.
    """

    quintile: dict[str, int]
    note: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Difficulty(ABC):
    """Bins problems by difficulty. Subclasses are dataclasses whose fields are the keys of their YAML file."""

    def check(self) -> None:
        """Refuse what cannot work before any weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    def prepare(self, problems: Sequence[Problem], embed: Embed) -> None:
        """Do what needs the generator's hidden states; it is called once, before a run's own engines load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    def own_value(self, record: ProblemRecord) -> float | None:
        """Return the difficulty of a problem by a run's own independent samples; None where they do not tell.

        By default their pass@1.
        """
        return record.pass1

    @abstractmethod
    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        """Bin the problems `ids`.

        Args:
            ids: of the run's problems.
            own: `own_value` of each problem, where the run's samples are independent; None otherwise.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
