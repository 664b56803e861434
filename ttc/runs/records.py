"""What a run stores about each problem: the rows of problems.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttc.cost import Tokens


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A candidate: its text, extracted answer, grade, and the verifier's values in [0, 1] by step."""

    text: str
    answer: str | None
    correct: bool
    finish: str | None = None
    values: tuple[float, ...] = ()
    tokens: int = 0
    chain: int | None = None  # of revisions; the candidates of one chain are in the order in which they were made

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as plain JSON values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"values": list(self.values)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> CandidateRecord:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            TypeError: a field is missing.
        """
        values = tuple(math.nan if value is None else value for value in row.get("values", ()))
        return cls(**_known(cls, row) | {"values": values})


@dataclass(frozen=True, slots=True)
class SelectedAnswer:
    """The answer that a selection chose (None: there was nothing to choose) and its grade."""

    answer: str | None
    correct: bool


@dataclass(frozen=True, slots=True)
class ProblemRecord:
    """Everything that a run found out about one problem; a row of problems.jsonl."""

    id: str
    gold: str
    correct: bool  # of the configured selection
    selected: Mapping[str, SelectedAnswer]  # by name; a selection that needs values which are absent is left out
    oracle: bool  # whether any candidate is correct
    candidates: Sequence[CandidateRecord]
    subject: str | None = None
    level: int | None = None
    quintile: int | None = None
    generations: int = 0
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def pass1(self) -> float:
        """Share of correct candidates: pass@1, if they were sampled independently."""
        return sum(c.correct for c in self.candidates) / len(self.candidates) if self.candidates else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values."""
        # By hand: dataclasses.asdict copies deeply, which takes seconds on a run's tens of thousands of candidates.
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "selected": {name: {"answer": s.answer, "correct": s.correct} for name, s in self.selected.items()},
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "tokens": self.tokens.to_json(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ProblemRecord:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            KeyError, TypeError: it is not such a row.
        """
        parts = {
            "selected": {name: SelectedAnswer(s["answer"], s["correct"]) for name, s in row["selected"].items()},
            "candidates": tuple(CandidateRecord.from_json(candidate) for candidate in row["candidates"]),
            "tokens": Tokens.from_json(row.get("tokens", {})),
        }
        return cls(**_known(cls, row) | parts)


def _known(cls: type[CandidateRecord | ProblemRecord], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in cls.__dataclass_fields__ if name in row}
