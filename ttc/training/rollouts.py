"""The training data of verifiers, as flows: solutions with a label in [0, 1] for each step.

Algorithm 1 labels a step by the share of rollouts from it that end correct (Snell et al. 2024, appendix D, after
Math-Shepherd, Wang et al. 2024): sample solutions, drop those without an answer, and roll out from every step with the
same model and prompt. Outcome labels need the solutions only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ttc.errors import UserError
from ttc.strategies.flows import sample
from ttc.training.collect import IsCorrect
from ttc.types import Candidate, Flow, Problem, Trace


@dataclass
class MonteCarlo:
    """The size of the data: solutions per problem, and rollouts per step.

    With `learn_from_rollouts` the finished rollouts are labelled solutions too: more data from the same samples, and
    more tokens to learn from.
    """

    samples: int = 16
    rollouts: int = 16
    learn_from_rollouts: bool = True

    def check(self) -> None:
        """Refuse sizes that label nothing.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        for name in ("samples", "rollouts"):
            if getattr(self, name) < 1:
                raise UserError(f"monte_carlo.{name}={getattr(self, name)}: must be at least 1; use e.g. 4.")

    def label(self, problem: Problem, is_correct: IsCorrect) -> Flow:
        """Return labelled traces of one problem: `values` holds a label in [0, 1] for each step.

        A solution counts as one more rollout of each of its prefixes, so a label is a mean of `rollouts` + 1 outcomes.
        A finished rollout's new steps are labelled by its own outcome.
        """
        traces = yield from sample([Trace(problem)] * self.samples)
        labelled: list[Candidate] = []
        for trace in traces:
            correct = is_correct(trace)
            if correct is None:
                continue
            prefixes = [trace.prefix(n) for n in range(1, len(trace.steps))]
            rolled = yield from sample([prefix for prefix in prefixes for _ in range(self.rollouts)])
            outcomes = [bool(is_correct(rollout)) for rollout in rolled]
            labels = [
                _mean([*outcomes[i * self.rollouts : (i + 1) * self.rollouts], correct]) for i in range(len(prefixes))
            ]
            labelled.append(Candidate(trace, (*labels, float(correct))))
            if not self.learn_from_rollouts:
                continue
            for i, (rollout, outcome) in enumerate(zip(rolled, outcomes, strict=True)):
                shared = labels[: i // self.rollouts + 1]  # of the prefix that it continues
                if rollout.is_finished:
                    new = [float(outcome)] * (len(rollout.steps) - len(shared))
                    labelled.append(Candidate(rollout, (*shared, *new)))
        return labelled


def sample_outcomes(problem: Problem, samples: int, is_correct: IsCorrect) -> Flow:
    """Return independent solutions, each step labelled by the solution's outcome (Cobbe et al. 2021)."""
    traces = yield from sample([Trace(problem)] * samples)
    return label_by_outcome(traces, is_correct)


def label_by_outcome(traces: Iterable[Trace], is_correct: IsCorrect) -> list[Candidate]:
    """Label every step of a solution by its outcome; solutions without an answer are dropped."""
    graded = [(trace, is_correct(trace)) for trace in traces]
    return [Candidate(trace, (float(correct),) * len(trace.steps)) for trace, correct in graded if correct is not None]


def _mean(outcomes: Sequence[bool]) -> float:
    return sum(outcomes) / len(outcomes)
