"""`ttc train prm`: label steps by Monte-Carlo rollouts of the generator (Algorithm 1), then fit a PRM to the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ttc.data.step_labels import StepLabels, read_step_labels
from ttc.files import expanded
from ttc.training.collect import IsCorrect
from ttc.training.labelled import LabelledTrace
from ttc.training.rollouts import MonteCarlo
from ttc.training.sources import split_solutions
from ttc.training.validation import RatedValidation, Validation
from ttc.training.value_model import TraceEncoder
from ttc.training.verifier import VerifierTraining
from ttc.types import Flow, Problem


@dataclass
class PrmTraining(VerifierTraining):
    """Train a process reward model on the generator's own solutions, or on the rated steps of a file.

    The paper uses 16 samples and 16 rollouts; small models learn more from many problems with few of each.
    """

    labels: str | None = None  # a file of rated steps (as in PRM800K or ProcessBench) to learn from instead
    monte_carlo: MonteCarlo = field(default_factory=lambda: MonteCarlo(samples=2, rollouts=1))

    title: ClassVar[str] = "prm"

    def check(self) -> None:
        super().check()
        self.monte_carlo.check()
        if self.labels is not None:
            self._rated()

    def examples(self, directory: Path, encoder: TraceEncoder) -> tuple[list[LabelledTrace], Validation]:
        if self.labels is None:
            return super().examples(directory, encoder)
        train, held_out = self._rated()
        return [LabelledTrace.from_step_labels(rated) for rated in train], RatedValidation(held_out, encoder)

    def _rated(self) -> tuple[list[StepLabels], list[StepLabels]]:
        assert self.labels is not None
        solutions = read_step_labels(expanded(self.labels), alternatives=True)
        return split_solutions(solutions, self.problems, self.validation_problems, self.seed)

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        return self.monte_carlo.label(problem, is_correct)
