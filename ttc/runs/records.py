"""What a run stores about each problem: the rows of problems.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttc.cost import Flops, Tokens


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A candidate: its text, extracted answer, grade, and the verifier's values in [0, 1] by step."""

    text: str
    answer: str | None
    correct: bool
    finish: str | None = None
    values: tuple[float, ...] = ()
    tokens: int | None = 0  # None: unknown, as in imported runs
    chain: int | None = None  # of revisions; the candidates of one chain are in the order in which they were made
    group: int | None = None  # of answers that are equal in votes; None: no answer, or a run that did not store it

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as plain JSON values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"values": list(self.values)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> CandidateRecord:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            TypeError: a field is missing, or of another type.
        """
        values = tuple(
            math.nan if value is None else value for value in _checked("values", row.get("values", []), list)
        )
        if any(type(value) not in (float, int) for value in values):
            raise TypeError(f"values={list(values)!r:.80} are not numbers")
        return cls(**_known(row, _CANDIDATE_KINDS) | {"values": values})


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
    flops: Flops = field(default_factory=Flops)  # unknown in the runs of older versions
    question: str | None = None  # None in the runs of older versions
    route: str | None = None  # what a controller, such as strategy=threshold, chose for the problem
    alternatives: tuple[str, ...] = ()  # other gold answers that are as good

    @property
    def pass1(self) -> float:
        """Share of correct candidates: pass@1, if they were sampled independently."""
        return sum(c.correct for c in self.candidates) / len(self.candidates) if self.candidates else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values."""
        # By hand: dataclasses.asdict copies deeply, which takes seconds on a run's tens of thousands of candidates.
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "alternatives"}
        return {
            **fields,
            **({"alternatives": list(self.alternatives)} if self.alternatives else {}),
            "selected": {name: {"answer": s.answer, "correct": s.correct} for name, s in self.selected.items()},
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "tokens": self.tokens.to_json(),
            "flops": self.flops.to_json(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ProblemRecord:
        """Read what `to_json` wrote; unknown keys are ignored.

        Raises:
            KeyError, TypeError, ValueError: it is not such a row.
        """
        row = _checked("the row", row, dict)
        selected = {
            name: _known(chosen, _SELECTED_KINDS) for name, chosen in _checked_part(row, "selected", dict).items()
        }
        tokens = _checked("tokens", row.get("tokens", {}), dict)
        parts = {
            "selected": {name: SelectedAnswer(**chosen) for name, chosen in selected.items()},
            "candidates": tuple(map(CandidateRecord.from_json, _checked_part(row, "candidates", list))),
            "tokens": Tokens.from_json({name: _checked(name, count, int) for name, count in tokens.items()}),
            "flops": Flops(**_known(row.get("flops", {}), _FLOPS_KINDS)),
            "alternatives": alternatives_of(row),
        }
        return cls(**_known(row, _PROBLEM_KINDS) | parts)


def alternatives_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the other gold answers of a stored row.

    Raises:
        TypeError: they are not a list of texts.
    """
    return tuple(_checked("an alternative", gold, str) for gold in _checked_list(row, "alternatives"))


def _checked_list(row: Mapping[str, Any], name: str) -> list[Any]:
    found: list[Any] = _checked(name, row.get(name, []), list)
    return found


_TEXT_OR_NONE, _INT_OR_NONE = (str, type(None)), (int, type(None))
_FLOPS_KINDS = {"paper": _INT_OR_NONE, "full": _INT_OR_NONE}
_SELECTED_KINDS = {"answer": _TEXT_OR_NONE, "correct": (bool,)}
_CANDIDATE_KINDS = {
    **{"text": (str,), "answer": _TEXT_OR_NONE, "correct": (bool,), "finish": _TEXT_OR_NONE},
    **{"tokens": _INT_OR_NONE, "chain": _INT_OR_NONE, "group": _INT_OR_NONE},
}
_PROBLEM_KINDS = {
    **{"id": (str,), "gold": (str,), "correct": (bool,), "oracle": (bool,), "subject": _TEXT_OR_NONE},
    "question": _TEXT_OR_NONE,
    **{"level": _INT_OR_NONE, "quintile": _INT_OR_NONE, "generations": (int,), "route": _TEXT_OR_NONE},
}


def _known(row: object, kinds: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return the known fields of a row, whose types must fit."""
    given: dict[str, Any] = _checked("an entry", row, dict)
    return {name: _checked(name, given[name], *fitting) for name, fitting in kinds.items() if name in given}


def _checked_part(row: Mapping[str, Any], name: str, kind: type) -> Any:
    return _checked(name, row[name], kind)


def _checked(name: str, value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:  # True is no number here
        raise TypeError(f"{name}={value!r:.80} is not {' or '.join(_NAMES[kind] for kind in kinds)}")
    return value


_NAMES: dict[type, str] = {
    str: "text", bool: "true or false", int: "a whole number", type(None): "null", dict: "an object", list: "a list",
}  # fmt: skip
