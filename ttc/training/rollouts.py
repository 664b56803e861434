"""Algorithm 1's data: how often do rollouts from each step of a solution end right? A flow, like every strategy.

Snell et al. 2024, appendix D (after Math-Shepherd, Wang et al. 2024): sample solutions, drop those without an answer,
roll out from every step with the same model and prompt; a step's label is the share of rollouts that end correct.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ttc.strategies.flows import sample
from ttc.types import Candidate, Flow, Problem, Trace

IsCorrect = Callable[[Trace], bool | None]
"""Right, wrong, or (None) without an answer."""


@dataclass
class MonteCarlo:
    """Sizes of the data: solutions a problem, rollouts a step."""

    samples: int = 16
    rollouts: int = 16

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Labelled traces of one problem: `values` holds a label in [0, 1] for each step.

        A solution is itself a rollout of each of its prefixes, so a label is a mean over `rollouts` + 1 outcomes. Every
        rollout is returned as a trace too: its new steps are labelled by its own outcome alone.
        """
        traces = yield from sample([Trace(problem)] * self.samples)
        labelled: list[Candidate] = []
        for trace in traces:
            outcome = is_correct(trace)
            if outcome is None:
                continue
            prefixes = [trace.prefix(n) for n in range(1, len(trace.steps))]
            rolled = yield from sample([prefix for prefix in prefixes for _ in range(self.rollouts)])
            outcomes = [bool(is_correct(rollout)) for rollout in rolled]
            labels = [
                _mean([*outcomes[i * self.rollouts : (i + 1) * self.rollouts], outcome]) for i in range(len(prefixes))
            ]
            labelled.append(Candidate(trace, (*labels, float(outcome))))
            for i, (rollout, right) in enumerate(zip(rolled, outcomes, strict=True)):
                kept = labels[: i // self.rollouts + 1]
                if rollout.is_finished:
                    labelled.append(Candidate(rollout, (*kept, *[float(right)] * (len(rollout.steps) - len(kept)))))
        return labelled


def _mean(outcomes: list[bool]) -> float:
    return sum(outcomes) / len(outcomes)
