"""Adaptive self-consistency: sample until the vote is settled (Aggarwal et al. 2023)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ttc.errors import UserError
from ttc.grading import classes_by_structure, extract_answer
from ttc.strategies.base import Strategy
from ttc.strategies.flows import sample
from ttc.types import Candidate, Flow, Problem, Trace


@dataclass
class AdaptiveConsistency(Strategy):
    """Sample `batch` solutions at a time, at most N, until the leading answer has the majority with `confidence`.

    The paper's Beta criterion: with v1 and v2 votes for the two leading answers, stop when
    P(p1 > 1/2) >= confidence under Beta(v1 + 1, v2 + 1). The candidates are the samples, so their number is the cost.
    """

    confidence: float = 0.95
    batch: int = 1  # samples between two looks at the vote

    needs_verifier: ClassVar[bool] = False
    counts_votes: ClassVar[bool] = True

    def check(self, budget: int) -> None:
        super().check(budget)
        if not 0.5 < self.confidence < 1:
            raise UserError(f"strategy.confidence={self.confidence} must be between 0.5 and 1; use e.g. 0.95.")
        if self.batch < 1:
            raise UserError(f"strategy.batch={self.batch} must be at least 1; use e.g. 4.")

    def solve(self, problem: Problem, budget: int) -> Flow:
        traces: list[Trace] = []
        while len(traces) < budget and not self.is_settled(traces):
            count = min(self.batch, budget - len(traces))
            traces += yield from sample([Trace(problem)] * count)
        return [Candidate(trace) for trace in traces]

    def is_settled(self, traces: Iterable[Trace]) -> bool:
        """Whether the leading answer is likely enough to stay ahead of the second."""
        found = [extract_answer(trace.text) for trace in traces if trace.is_finished]
        answers = [answer for answer in found if answer is not None]
        classes = classes_by_structure(answers)
        votes = Counter(classes[answer] for answer in answers)
        if not votes:
            return False
        (_, first), (_, second) = [*votes.most_common(2), (None, 0)][:2]
        return majority_probability(first, second) >= self.confidence


def majority_probability(first: int, second: int) -> float:
    """Return P(p > 1/2) for p ~ Beta(first + 1, second + 1): a sum of binomials, since both are integers."""
    n = first + second + 1
    return float(sum(math.comb(n, k) for k in range(first + 1)) / 2**n)
