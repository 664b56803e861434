"""`ttc train orm` and `ttc train revision_verifier`: verifiers that learn from outcomes alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier_formats import PlainFormat, RevisionFormat, StepFormat
from ttc.errors import UserError
from ttc.strategies.revisions import Revisions
from ttc.training.collect import IsCorrect
from ttc.training.loop import Optimisation
from ttc.training.rollouts import by_outcome, outcomes
from ttc.training.verifier import VerifierTraining
from ttc.types import Flow, Problem


@dataclass
class OrmTraining(VerifierTraining):
    """Train an outcome reward model: every step of a solution is labelled by how the solution ended.

    As Cobbe et al. 2021 and Lightman et al. 2023 train theirs; a solution's score is the value at its last step.
    """

    problems: int = 12_000
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(steps=1_500, learning_rate=1e-3))
    samples: int = 5

    title: ClassVar[str] = "orm"

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return outcomes(problem, self.samples, is_correct)

    def check(self) -> None:
        super().check()
        if self.samples < 1:
            raise UserError(f"samples={self.samples} is no number of solutions; use 1 or more, e.g. 10.")


@dataclass
class RevisionVerifierTraining(VerifierTraining):
    """Train an outcome reward model on the revision model's chains (Snell et al. 2024, section 6.1 and appendix J).

    With `history` it sees the attempts that its solution was made in sight of. It begins as the PRM, which knows right
    steps from wrong ones already.
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
    fitting: ClassVar[frozenset[str]] = VerifierTraining.fitting | {"history"}

    @property
    def format(self) -> type[StepFormat]:
        return RevisionFormat if self.history else PlainFormat

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self._label(problem, self.chains * self.length, is_correct)

    def label_validation(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self._label(problem, self.validation_samples, is_correct)

    def _label(self, problem: Problem, budget: int, is_correct: IsCorrect) -> Flow:
        chains = yield from Revisions(f"{self.length}:{budget // self.length}").attempts(problem, budget)
        return by_outcome([trace for chain in chains for trace in chain], is_correct)

    def check(self) -> None:
        super().check()
        if self.chains < 1 or self.length < 1:
            raise UserError(f"chains={self.chains} length={self.length}: both are 1 or more, e.g. chains=1 length=8.")
        if self.validation_samples % self.length:
            raise UserError(
                f"validation_samples={self.validation_samples} is not a multiple of length={self.length}, the length "
                f"of a chain; use {self.validation_samples // self.length * self.length or self.length}."
            )
