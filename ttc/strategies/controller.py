"""Controllers: a few probes of a problem decide which strategy spends the rest of its budget."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import fsum

from ttc.errors import UserError
from ttc.strategies.base import Strategy, parallel_samples
from ttc.strategies.flows import SubFlow, score, score_steps
from ttc.types import Candidate, Flow, Problem

REMEDY_WITHIN = 4096  # how far above a budget that cannot be spent one is looked for


@dataclass
class Controller(Strategy):
    """Sample and score `probes` solutions; their mean final value chooses the target that spends the rest.

    The probes are candidates, and count. Parallel samples continue them, and chains of revisions begin with them; a
    search begins at the problem with what they left. Where that cannot be spent exactly, it gets the largest budget
    that can, and further independent samples spend the others: N generations in all.
    """

    probes: int = 4
    step_values: bool = False  # true: score probes after every step, which aggregation=min, prod and mean need

    @property
    def scores_every_step(self) -> bool:
        return self.step_values

    @abstractmethod
    def choose(self, value: float, budget: int) -> str:
        """Return the label of the target for problems with this mean value, in [0, 1], at a budget."""

    @abstractmethod
    def targets(self, budget: int) -> Mapping[str, Strategy]:
        """Return what `choose` chooses among at a budget, by label."""

    def place(self, label: str) -> str:
        """Return where the user set a target, for messages."""
        return f"strategy.{label}"

    def routes(self, budget: int) -> list[Strategy]:
        """Return this controller once for each of its targets, with that as its choice whatever the probes' values."""
        return [Decided(self.probes, self.step_values, self, label) for label in self.targets(budget)]

    def check(self, budget: int) -> None:
        super().check(budget)
        if self.probes < 1:
            raise UserError(f"strategy.probes={self.probes} must be at least 1; use e.g. 4.")
        if budget <= self.probes:
            raise UserError(
                f"budget={budget} leaves nothing after strategy.probes={self.probes}; use budget={self.probes + 1} or "
                "more, or fewer probes."
            )
        for label, target in self.targets(budget).items():
            self._check_target(self.place(label), target, budget)

    def _check_target(self, place: str, target: Strategy, budget: int) -> None:
        name = type(target).__name__
        if isinstance(target, Controller):
            raise UserError(f"{place}: {name} probes by itself; choose a strategy that does not.")
        if self.step_values and not target.scores_every_step:
            raise UserError(
                f"strategy.step_values=true: {name} ({place}) scores only whole solutions; choose one that scores "
                "every step, or leave step_values out."
            )
        try:
            target.check(target.largest_spendable(budget) or budget)
        except UserError as error:
            raise UserError(f"{place}: {error}") from None
        if not self._can_spend_after_probes(target, budget):
            larger = range(budget + 1, budget + REMEDY_WITHIN)
            enough = next((f"budget={n}, " for n in larger if self._can_spend_after_probes(target, n)), "")
            raise UserError(
                f"{place}: of budget={budget}, {name} can spend nothing after strategy.probes={self.probes}; use "
                f"{enough}fewer probes, or another strategy."
            )

    def _can_spend_after_probes(self, target: Strategy, budget: int) -> bool:
        return target.largest_spendable(budget if target.continues_samples else budget - self.probes) > 0

    def solve(self, problem: Problem, budget: int) -> Flow:
        probes = yield from self._scored((yield from parallel_samples(problem, self.probes)))
        label = self.choose(fsum(probe.values[-1] for probe in probes) / len(probes), budget)
        found = yield from self.targets(budget)[label].solve_after(problem, budget - self.probes, probes)
        candidates = yield from self._scored(found)
        if self.has_chains:
            candidates = in_chains(candidates)
        return [replace(candidate, route=label) for candidate in candidates]

    def _scored(self, candidates: list[Candidate]) -> SubFlow[list[Candidate]]:
        """Score the candidates without values: every selection must apply, whichever target a problem got."""
        traces = [candidate.trace for candidate in candidates if not candidate.values]
        if not traces:
            return candidates
        if self.step_values:
            found = yield from score_steps(traces)
        else:
            found = [(value,) for value in (yield from score(traces))]
        values = iter(found)
        return [candidate if candidate.values else replace(candidate, values=next(values)) for candidate in candidates]


@dataclass
class Decided(Controller):
    """A controller whose choice is made: what a problem costs that takes one of its routes."""

    controller: Controller | None = None
    label: str = ""

    @property
    def has_chains(self) -> bool:
        return self.controller is not None and self.controller.has_chains

    def routes(self, budget: int) -> list[Strategy]:
        return [self]

    def choose(self, value: float, budget: int) -> str:
        return self.label

    def targets(self, budget: int) -> Mapping[str, Strategy]:
        return {} if self.controller is None else self.controller.targets(budget)


def in_chains(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Make each candidate of no chain its own, so that `selection=hierarchical` applies."""
    unused = count(1 + max((candidate.chain for candidate in candidates if candidate.chain is not None), default=-1))
    return [c if c.chain is not None else replace(c, chain=next(unused)) for c in candidates]
