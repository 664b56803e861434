"""Labelled solutions with a verifier's values, and their rated steps as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.cluster_bootstrap import Floats, numbered
from ttc.data.step_labels import StepLabels


@dataclass(frozen=True, slots=True)
class ScoredSteps:
    """A labelled solution with the verifier's values.

    Attributes:
        solution: with its labels.
        values: in [0, 1], one per step; None for a step that was not scored. A step that is rated is scored, and where
            a solution is labelled to its first error, every step is.
        partial_scores: how many of the values are of the solution's beginning alone: the verifier's context ended.
    """

    solution: StepLabels
    values: tuple[float | None, ...]
    partial_scores: int = 0

    @property
    def all_values(self) -> tuple[float, ...]:
        """The values of all steps.

        Raises:
            ValueError: some were not scored.
        """
        values = tuple(value for value in self.values if value is not None)
        if len(values) != len(self.values):
            raise ValueError(
                f"solution {self.solution.id} is labelled to its first error, but not all steps are scored"
            )
        return values


class RatedSteps:
    """The rated steps of all solutions, one after another.

    Attributes:
        values, correct, index: of each step.
        solution, problem: their numbers.
    """

    def __init__(self, scored: Sequence[ScoredSteps]) -> None:
        rows = [
            (value, label, index, number)
            for number, found in enumerate(scored)
            for index, (value, label) in enumerate(zip(found.values, found.solution.labels, strict=True))
            if label is not None and value is not None
        ]
        self.values = np.array([row[0] for row in rows], dtype=np.float64)
        self.correct = np.array([row[1] for row in rows], dtype=bool)
        self.index = np.array([row[2] for row in rows], dtype=np.int64)
        self.solution = np.array([row[3] for row in rows], dtype=np.int64)
        self.problem = numbered([found.solution.question for found in scored])[self.solution]

    @property
    def by_position(self) -> Floats:
        """Values that fall with the index of the step."""
        return values_by_position(self.index)


def values_by_position(index: NDArray[np.int64]) -> Floats:
    """Return what a verifier gives that reads nothing: values that fall with the index of the step."""
    values: Floats = 1 / (1.0 + index)
    return values
