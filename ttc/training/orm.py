"""`ttc train orm` and `ttc train revision_verifier`: verifiers that learn from outcomes only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ttc.engines.formats import PlainFormat, RevisionFormat, StepFormat
from ttc.engines.generator import VllmGenerator
from ttc.errors import UserError
from ttc.strategies.revisions import Revisions
from ttc.training.collect import IsCorrect
from ttc.training.loop import Optimisation
from ttc.training.rollouts import label_by_outcome, sample_outcomes
from ttc.training.verifier import VerifierTraining
from ttc.types import Flow, Problem


@dataclass
class OrmTraining(VerifierTraining):
    """Train an outcome reward model: every step of a solution is labelled by the solution's outcome.

    As in Cobbe et al. 2021 and Lightman et al. 2023. A solution's score is the value at its last step.
    """

    problems: int = 12_000
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=1_500, learning_rate=1e-3))
    samples: int = 5

    title: ClassVar[str] = "orm"

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return sample_outcomes(problem, self.samples, is_correct)

    def check(self) -> None:
        super().check()
        if self.samples < 1:
            raise UserError(f"samples={self.samples} must be at least 1; use e.g. 10.")


@dataclass
class RevisionVerifierTraining(VerifierTraining):
    """Train an outcome reward model on the revision model's chains (Snell et al. 2024, section 6.1 and appendix J).

    With `history` it reads the attempts that a solution was sampled after. It starts from the PRM, which can already
    tell correct steps from wrong ones.
    """

    generator: VllmGenerator = field(default_factory=lambda: VllmGenerator(model="pocket-reviser"))
    start: str | None = "pocket"
    problems: int = 8_000
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=400, learning_rate=1e-3))
    evaluate_every: int = 200
    chains: int = 1
    length: int = 8
    history: bool = True

    title: ClassVar[str] = "revision verifier"
    fitting_settings: ClassVar[frozenset[str]] = VerifierTraining.fitting_settings | {"history"}

    @property
    def step_format(self) -> type[StepFormat]:
        return RevisionFormat if self.history else PlainFormat

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self._label_chains(problem, self.chains * self.length, is_correct)

    def label_validation(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self._label_chains(problem, self.validation_samples, is_correct)

    def _label_chains(self, problem: Problem, budget: int, is_correct: IsCorrect) -> Flow:
        chains = yield from Revisions(f"{self.length}:{budget // self.length}").attempts(problem, budget)
        return label_by_outcome([trace for chain in chains for trace in chain], is_correct)

    def check(self) -> None:
        super().check()
        if self.chains < 1 or self.length < 1:
            raise UserError(
                f"chains={self.chains} length={self.length} must both be at least 1; use e.g. chains=1 length=8."
            )
        if self.validation_samples % self.length:
            raise UserError(
                f"validation_samples={self.validation_samples} is not a multiple of length={self.length}; "
                f"use e.g. {self.validation_samples // self.length * self.length or self.length}."
            )
