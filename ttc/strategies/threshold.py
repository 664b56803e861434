"""Thresholds on the probes' mean score choose how to solve a problem (the summary's Algorithm 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ttc.errors import UserError
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.controller import Controller
from ttc.strategies.revisions import Revisions


@dataclass
class Threshold(Controller):
    """Sequential revisions where the mean score is above 0.6, hybrid above 0.35, parallel above 0.15, else beam search.

    The mean is over `probes` samples. The thresholds and the four strategies are settings.
    """

    sequential_above: float = 0.6
    hybrid_above: float = 0.35
    parallel_above: float = 0.15
    sequential: Strategy = field(default_factory=lambda: Revisions("sequential"))
    hybrid: Strategy = field(default_factory=lambda: Revisions("1:1"))
    parallel: Strategy = field(default_factory=lambda: Revisions("parallel"))
    beam: Strategy = field(default_factory=Beam)

    @property
    def has_chains(self) -> bool:
        return any(target.has_chains for target in self.targets(0).values())

    def check(self, budget: int) -> None:
        thresholds = (self.sequential_above, self.hybrid_above, self.parallel_above)
        if not 1 >= thresholds[0] >= thresholds[1] >= thresholds[2] >= 0:  # NaN is not
            raise UserError(
                "strategy.sequential_above={}, hybrid_above={}, parallel_above={} must fall, within [0, 1]; "
                "use e.g. 0.6, 0.35, 0.15.".format(*thresholds)
            )
        super().check(budget)

    def choose(self, value: float, budget: int) -> str:
        if value > self.sequential_above:
            return "sequential"
        if value > self.hybrid_above:
            return "hybrid"
        if value > self.parallel_above:
            return "parallel"
        return "beam"

    def targets(self, budget: int) -> Mapping[str, Strategy]:
        return {name: getattr(self, name) for name in ("sequential", "hybrid", "parallel", "beam")}
