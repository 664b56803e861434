"""Several verifiers as one: a search that fools one of them still has to fool the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ttc.cost import ModelShape
from ttc.engines.base import Draw, Engine, EngineReply, Memory, Usage, Verifier, start_engine
from ttc.errors import UserError
from ttc.hashing import digest
from ttc.types import Request


class Combination(StrEnum):
    """How the members' values become one."""

    mean = "mean"
    min = "min"
    weighted = "weighted"


@dataclass
class Ensemble(Verifier):
    """Verifiers by name, and how their values in [0, 1] are combined; `how=weighted` needs `weights` by name too."""

    members: dict[str, Verifier] = field(default_factory=dict)
    how: Combination = Combination.mean
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.how} of {', '.join(member.name for member in self.members.values())}"

    @property
    def gpus_per_engine(self) -> int:
        return max(member.gpus_per_engine for member in self.members.values())

    @property
    def trained_on(self) -> frozenset[str]:
        return frozenset().union(*(member.trained_on for member in self.members.values()))

    def fingerprint(self) -> str:
        members = {name: member.fingerprint() for name, member in self.members.items()}
        return digest(type(self).__qualname__, sorted(members.items()), self.how, sorted(self.weights.items())).hex()

    def check(self) -> None:
        if not self.members:
            raise UserError("prm.members is empty; name verifiers, as configs/prm/ensemble.yaml does.")
        if self.weights and self.how is not Combination.weighted:
            raise UserError(
                f"prm.weights={dict(self.weights)}: prm.how={self.how} reads no weights; use prm.how=weighted, or "
                "leave them out."
            )
        if self.how is Combination.weighted:
            missing = [name for name in self.members if not 0 <= self.weights.get(name, -1) < math.inf]  # NaN is not
            if missing or not sum(self.weights[name] for name in self.members):
                name = [*missing, *self.members][0]
                raise UserError(
                    f"prm.weights={dict(self.weights)} must give each of {', '.join(self.members)} a weight of 0 or "
                    f"more, not all 0; use e.g. +prm.weights.{name}=1."
                )
        for name, member in self.members.items():
            try:
                member.check()
            except UserError as error:
                raise UserError(f"prm.members.{name}: {error}") from None

    def start(self) -> Engine:
        return self._started(None)

    def start_with(self, memory: Memory) -> Engine:
        return self._started(memory)

    def _started(self, memory: Memory | None) -> Engine:
        return EnsembleEngine({name: start_engine(self.members[name], memory) for name in sorted(self.members)}, self)


class EnsembleEngine:
    """Asks every member for each value.

    A reply is charged with the tokens of the member that computed most, and the shape is the sum of the members':
    FLOPs are exact where all members read a solution in equally many tokens, otherwise an upper bound.
    """

    def __init__(self, members: Mapping[str, Engine], config: Ensemble) -> None:
        self._members, self._how = members, config.how
        self._weights = {name: float(config.weights.get(name, 1.0)) for name in members}
        self._waiting: dict[int, dict[str, EngineReply]] = {}
        self.shape = combined_shape([member.shape for member in members.values()])

    def key(self, request: Request, draw: Draw) -> bytes:
        keys = [(member.key(request, draw), self._weights[name]) for name, member in self._members.items()]
        return digest("ensemble", str(self._how), keys)

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        self._waiting[ticket] = {}
        for member in self._members.values():
            member.submit(ticket, request, draw)

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting)

    @property
    def decoding_tokens(self) -> int:
        return 0

    def poll(self) -> list[EngineReply]:
        complete = []
        for name, member in self._members.items():
            for found in member.poll() if member.is_busy else ():
                replies = self._waiting[found.ticket]
                replies[name] = found
                if len(replies) == len(self._members):
                    complete.append(self._combined(found.ticket, self._waiting.pop(found.ticket)))
        return complete

    def _combined(self, ticket: int, replies: Mapping[str, EngineReply]) -> EngineReply:
        values = {name: _value(name, found) for name, found in replies.items()}
        most = max((found.usage for found in replies.values()), key=lambda usage: usage.prompt)
        partial = any(found.partial for found in replies.values())
        return EngineReply(ticket, self._combine(values), Usage(most.prompt, most.cached), partial=partial)

    def _combine(self, values: Mapping[str, float]) -> float:
        if self._how is Combination.min:
            return min(values.values())
        weights = self._weights if self._how is Combination.weighted else dict.fromkeys(values, 1.0)
        total = math.fsum(weights[name] * value for name, value in sorted(values.items()))
        return total / math.fsum(weights[name] for name in values)


def _value(member: str, found: EngineReply) -> float:
    if not isinstance(found.reply, float):
        raise TypeError(f"the ensemble's member {member} must reply with a float, not {type(found.reply).__name__}")
    return found.reply


def combined_shape(shapes: list[ModelShape | None]) -> ModelShape | None:
    """Return a shape whose passes cost what passes through all of these cost; None where one is unknown."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    return ModelShape(
        params=sum(shape.params for shape in known),
        params_non_embedding=sum(shape.params_non_embedding for shape in known),
        layers=1,
        hidden=sum(shape.layers * shape.hidden for shape in known),
        params_head=sum(shape.params_head for shape in known),
    )
