"""Parallel sampling: N independent solutions, chosen among by vote or by the verifier (Algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ttc.strategies.base import Strategy
from ttc.strategies.flows import sample, score, score_steps
from ttc.types import Candidate, Flow, Problem, Trace


@dataclass
class Majority(Strategy):
    """Self-consistency: sample N solutions; no verifier (Wang et al. 2023)."""

    needs_verifier: ClassVar[bool] = False
    independent_samples: ClassVar[bool] = True

    def solve(self, problem: Problem, budget: int) -> Flow:
        traces = yield from sample([Trace(problem)] * budget)
        return [Candidate(trace) for trace in traces]


@dataclass
class BestOfN(Strategy):
    """Sample N solutions and score each (Snell et al. 2024, section 5.1).

    Majority, best and weighted are all computed from the candidates afterwards. By default the verifier is asked for a
    solution's last value only, which is all that `aggregation=last` needs.
    """

    step_values: bool = False  # true: a value after every step, which aggregation=min, prod and mean need

    independent_samples: ClassVar[bool] = True

    @property
    def scores_every_step(self) -> bool:
        return self.step_values

    def solve(self, problem: Problem, budget: int) -> Flow:
        traces = yield from sample([Trace(problem)] * budget)
        if self.step_values:
            values = yield from score_steps(traces)
        else:
            values = [(value,) for value in (yield from score(traces))]
        return [Candidate(trace, of_steps) for trace, of_steps in zip(traces, values, strict=True)]
