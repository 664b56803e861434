"""One run's settings. Each part is the object that does the work; nothing here imports torch or vLLM."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.data.base import Dataset
from ttc.difficulty.base import Difficulty
from ttc.engines.base import Generator, Verifier
from ttc.errors import UserError
from ttc.selection import Aggregation, SelectionRule
from ttc.store.database import SqliteStore
from ttc.strategies.base import Strategy


@dataclass
class RunConfig:
    """One experiment.

    A config group's object is the part itself: `strategy=beam strategy.width=4` is `Beam(width=4)`.
    """

    strategy: Strategy
    generator: Generator
    data: Dataset
    difficulty: Difficulty
    prm: Verifier | None = None  # the verifier; None: the strategy must not ask for scores
    store: SqliteStore | None = None  # None: keep no replies
    budget: int = 64  # generations per problem, whatever the strategy
    seed: int = 0
    selection: SelectionRule = SelectionRule.weighted
    aggregation: Aggregation = Aggregation.last
    grading_timeout: float = 5.0  # seconds for one answer; what takes longer counts as wrong
    grading_workers: int = 2
    workers: int = 1  # processes that share the problems, each with its own engines

    def __post_init__(self) -> None:
        """Refuse numbers that no run can have."""
        if self.budget < 1:
            raise UserError(f"budget={self.budget}: must be at least 1 generation per problem; use e.g. budget=64.")
        if self.seed < 0:
            raise UserError(f"seed={self.seed}: must not be negative; use e.g. seed=0.")
        if self.grading_timeout <= 0:
            raise UserError(f"grading_timeout={self.grading_timeout}: must be above 0 seconds; use e.g. 5.")
        if self.workers < 1:
            raise UserError(f"workers={self.workers}: must be at least 1 process; use e.g. workers=1.")
        if self.grading_workers < 1:
            raise UserError(f"grading_workers={self.grading_workers}: must be at least 1 process; use e.g. 2.")

    @property
    def verifier(self) -> Verifier | None:
        """The verifier, if the strategy asks one for scores."""
        return self.prm if self.strategy.needs_verifier else None

    def check(self) -> None:
        """Find every error that can be found before weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        self.strategy.check(self.budget)
        self._check_selection()
        for part in (self.difficulty, self.generator, self.verifier, self.data, self.store):
            if part is not None:
                part.check()

    def _check_selection(self) -> None:
        name = type(self.strategy).__name__
        if self.strategy.needs_verifier and self.prm is None:
            raise UserError(f"prm=none: {name} needs a verifier; use e.g. prm=pocket, or strategy=majority.")
        if self.selection is SelectionRule.hierarchical and not self.strategy.has_chains:
            raise UserError(
                f"selection=hierarchical: {name} makes no chains of revisions; use selection=weighted, "
                "or strategy=revisions."
            )
        if self.selection is not SelectionRule.majority and not self.strategy.needs_verifier:
            raise UserError(
                f"selection={self.selection}: {name} asks no verifier for values; use selection=majority, "
                "or a strategy that scores, e.g. strategy=best_of_n."
            )
        if self.aggregation is not Aggregation.last and not self.strategy.scores_every_step:
            raise UserError(
                f"aggregation={self.aggregation}: {name} scores only whole solutions; add strategy.step_values=true."
            )
