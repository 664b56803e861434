"""Parallel sampling: N independent solutions, chosen among by vote or by the verifier (Algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttc.errors import UserError
from ttc.strategies.flows import sample, score, score_steps
from ttc.types import Candidate, Flow, Problem, Trace


@dataclass
class Majority:
    """Self-consistency: sample N solutions; no verifier (Wang et al. 2023)."""

    needs_prm: ClassVar[bool] = False
    is_parallel: ClassVar[bool] = True
    generations_each: ClassVar[int] = 1

    def check(self, budget: int) -> None:
        check_positive(budget)

    def solve(self, problem: Problem, budget: int) -> Flow:
        traces = yield from sample([Trace(problem)] * budget)
        return [Candidate(trace) for trace in traces]


@dataclass
class BestOfN:
    """Sample N solutions and score each (Snell et al. 2024, section 5.1).

    Majority, best and weighted are all read from the candidates afterwards. The verifier is asked for a solution's last
    value alone, all that `aggregation=last` needs; `step_values` asks for the value after every step.
    """

    step_values: bool = False

    needs_prm: ClassVar[bool] = True
    is_parallel: ClassVar[bool] = True
    generations_each: ClassVar[int] = 1

    def check(self, budget: int) -> None:
        check_positive(budget)

    def solve(self, problem: Problem, budget: int) -> Flow:
        traces = yield from sample([Trace(problem)] * budget)
        if self.step_values:
            values = yield from score_steps(traces)
        else:
            values = [(value,) for value in (yield from score(traces))]
        return [Candidate(trace, of_steps) for trace, of_steps in zip(traces, values, strict=True)]


def check_positive(budget: int) -> None:
    """Refuse a budget that is no number of generations."""
    if budget < 1:
        raise UserError(f"budget={budget} is no number of generations; use 1 or more, e.g. 16.")
