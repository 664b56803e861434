"""The vocabulary that all parts share: problems, traces, requests, replies and candidates.

Standard library only, frozen, and cheap to hash: strategies, engines, the store and the tests exchange these and
nothing else.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum


class FinishReason(StrEnum):
    """Why a sampled text ended."""

    STEP = "step"  # at the step separator: the trace may be continued
    STOP = "stop"  # the generator ended its solution: the trace is finished
    LENGTH = "length"  # cut by a token limit: unfinished, never an answer


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its gold answer. `id` joins everything; positions never do.

    Attributes:
        alternatives: other answers that are as good as `gold`.
    """

    id: str
    question: str
    gold: str
    level: int | None = None  # 1 (easiest) .. 5, as given by the dataset
    subject: str | None = None
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of a solution up to and including its separator, in the generator's own token ids."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A partial or whole solution of one problem.

    Attributes:
        finish: None while nothing has been sampled; STEP means that the trace may be continued.
        attempts: the earlier solutions that a revision model is shown, oldest first.
    """

    problem: Problem
    steps: tuple[Step, ...] = ()
    finish: FinishReason | None = None
    attempts: tuple[Trace, ...] = ()

    @property
    def text(self) -> str:
        return "".join(step.text for step in self.steps)

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token for step in self.steps for token in step.token_ids)

    @property
    def is_open(self) -> bool:
        """Whether this trace may be continued."""
        return self.finish is None or self.finish is FinishReason.STEP

    @property
    def is_finished(self) -> bool:
        """Whether the generator ended this solution itself."""
        return self.finish is FinishReason.STOP

    def prefix(self, steps: int) -> Trace:
        """Return the trace as it was after its first `steps` steps."""
        if steps == len(self.steps):
            return self
        return Trace(self.problem, self.steps[:steps], FinishReason.STEP, self.attempts)

    def extended(self, steps: tuple[Step, ...], finish: FinishReason) -> Trace:
        """Return the trace with more steps."""
        return Trace(self.problem, self.steps + steps, finish, self.attempts)


@dataclass(frozen=True, slots=True)
class Sample:
    """Request to continue `trace` once. The reply is the longer Trace.

    Attributes:
        max_steps: the largest number of new steps; None samples to the end of the solution.
        temperature: replaces the generator's own; 0 is greedy.
    """

    trace: Trace
    max_steps: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Request for the verifier's value of `trace` after its newest step. The reply is a float in [0, 1]."""

    trace: Trace


Request = Sample | Score
Reply = Trace | float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trace that a strategy offers as a solution, with the verifier's values.

    Attributes:
        values: one value in [0, 1] per step, or the last step's alone; empty where no verifier was asked.
        answer: the extracted final answer; None while unknown, or when there is none.
        chain: the number of the chain of revisions that it belongs to (None: to none); the candidates of one chain are
            in the order in which they were made.
        generations: what it cost of the budget.
        route: what a controller chose for the problem; None where none did.
    """

    trace: Trace
    values: tuple[float, ...] = ()
    answer: str | None = None
    chain: int | None = None
    generations: int = 1
    route: str | None = None


Flow = Generator[list[Request], list[Reply], list[Candidate]]
"""A strategy working on one problem: it yields requests, receives replies in order, and returns candidates."""
