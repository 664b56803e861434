"""What verifiers learn from, as flows like every strategy: solutions with a label in [0, 1] for each step.

Algorithm 1 asks how often rollouts from each step of a solution end right (Snell et al. 2024, appendix D, after
Math-Shepherd, Wang et al. 2024): sample solutions, drop those without an answer, roll out from every step with the same
model and prompt; a step's label is the share of rollouts that end correct. Outcome labels ask about the solution alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ttc.strategies.flows import sample
from ttc.training.collect import IsCorrect
from ttc.types import Candidate, Flow, Problem, Trace


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


def outcomes(problem: Problem, samples: int, is_correct: IsCorrect) -> Flow:
    """Solutions, every step of which is labelled by how the solution ends (Cobbe et al. 2021)."""
    traces = yield from sample([Trace(problem)] * samples)
    return by_outcome(traces, is_correct)


def by_outcome(traces: Iterable[Trace], is_correct: IsCorrect) -> list[Candidate]:
    """Label every step by the solution's outcome; solutions without an answer are dropped."""
    verdicts = [(trace, is_correct(trace)) for trace in traces]
    return [Candidate(trace, (float(right),) * len(trace.steps)) for trace, right in verdicts if right is not None]


def _mean(outcomes: list[bool]) -> float:
    return sum(outcomes) / len(outcomes)
