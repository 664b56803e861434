"""Several verifiers as one: their values of a trace become one value, which none of them alone can be fooled into."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ttc.engines.base import Draw, Engine, Finished, Usage, digest, started
from ttc.errors import UserError
from ttc.ledger import Shape
from ttc.types import Request


class Combination(StrEnum):
    """How the members' values become one."""

    MEAN = "mean"
    MIN = "min"
    WEIGHTED = "weighted"

    # The lower-case names are aliases: OmegaConf reads an enum's member by its name.
    mean = MEAN
    min = MIN
    weighted = WEIGHTED


@dataclass
class Ensemble:
    """Verifiers by name, and how their values in [0, 1] are combined; `weights` are by name too."""

    members: dict[str, Any] = field(default_factory=dict)  # classes of ttc.engines
    how: Combination = Combination.MEAN
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """What reports and the store call it."""
        return f"{self.how} of {', '.join(member.model for member in self.members.values())}"

    def check(self) -> None:
        """Refuse an ensemble that cannot judge, before any weights load."""
        if not self.members:
            raise UserError("prm.members is empty; name verifiers, as configs/prm/ensemble.yaml does.")
        if self.how is Combination.WEIGHTED:
            missing = [name for name in self.members if self.weights.get(name, -1) < 0]
            if missing or not sum(self.weights[name] for name in self.members):
                name = [*missing, *self.members][0]
                raise UserError(
                    f"prm.weights={dict(self.weights)} gives no weights to all of {', '.join(self.members)}; use "
                    f"numbers of 0 or more, not all 0, e.g. +prm.weights.{name}=1."
                )
        for member in self.members.values():
            member.check()

    def start(self) -> Engine:
        return EnsembleEngine({name: started(self.members[name]) for name in sorted(self.members)}, self)


class EnsembleEngine:
    """Asks every member for each value.

    A reply's tokens are those of the member that computed most, and the shape is the sum of the members': FLOPs are
    exact where the members read a solution in equally many tokens, else an upper bound.
    """

    def __init__(self, members: Mapping[str, Engine], config: Ensemble) -> None:
        self._members, self._how = members, config.how
        self._weights = {name: float(config.weights.get(name, 1.0)) for name in members}
        self._waiting: dict[int, dict[str, Finished]] = {}
        self.shape = _sum([member.shape for member in members.values()])

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

    def poll(self) -> list[Finished]:
        whole = []
        for name, member in self._members.items():
            for finished in member.poll() if member.is_busy else ():
                replies = self._waiting[finished.ticket]
                replies[name] = finished
                if len(replies) == len(self._members):
                    whole.append(self._combined(finished.ticket, self._waiting.pop(finished.ticket)))
        return whole

    def _combined(self, ticket: int, replies: Mapping[str, Finished]) -> Finished:
        values = {name: finished.reply for name, finished in replies.items() if isinstance(finished.reply, float)}
        most = max((finished.usage for finished in replies.values()), key=lambda usage: usage.prompt)
        return Finished(ticket, self._value(values), Usage(most.prompt, most.cached))

    def _value(self, values: Mapping[str, float]) -> float:
        if self._how is Combination.MIN:
            return min(values.values())
        weights = self._weights if self._how is Combination.WEIGHTED else dict.fromkeys(values, 1.0)
        total = math.fsum(weights[name] * value for name, value in sorted(values.items()))
        return total / math.fsum(weights[name] for name in values)


def _sum(shapes: list[Shape | None]) -> Shape | None:
    """A shape whose passes cost what passes through all of these cost; None where one is unknown."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    return Shape(
        params=sum(shape.params for shape in known),
        params_non_embedding=sum(shape.params_non_embedding for shape in known),
        layers=1,
        hidden=sum(shape.layers * shape.hidden for shape in known),
        params_head=sum(shape.params_head for shape in known),
    )
