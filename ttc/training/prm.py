"""`ttc train prm`: label steps by Monte-Carlo rollouts of the generator (Algorithm 1), then fit a PRM to the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ttc.training.collect import IsCorrect
from ttc.training.rollouts import MonteCarlo
from ttc.training.verifier import VerifierTraining
from ttc.types import Flow, Problem


@dataclass
class PrmTraining(VerifierTraining):
    """Train a process reward model on the generator's own solutions.

    The paper uses 16 samples and 16 rollouts; small models learn more from many problems with few of each.
    """

    monte_carlo: MonteCarlo = field(default_factory=lambda: MonteCarlo(samples=2, rollouts=1))

    title: ClassVar[str] = "prm"

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self.monte_carlo.label(problem, is_correct)
