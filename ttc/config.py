"""One run's settings. Each part is the object that does the work; nothing here imports torch or vLLM."""

from __future__ import annotations

from dataclasses import dataclass

from ttc.data.base import Dataset
from ttc.difficulty.base import Difficulty
from ttc.engines.base import EngineConfig, Generator, Verifier
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.selection import Aggregation, SelectionRule
from ttc.store.database import SqliteStore
from ttc.strategies.base import Strategy

MAX_BUDGET = 2**20
MAX_SEED = 2**63 - 1  # what vLLM, the store's export and pandas hold
MAX_GRADING_SECONDS = 3600
MAX_WORKERS = 256


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
    grading_timeout: float = 5.0  # seconds for one answer; what takes longer is wrong; a fifth after 16 such answers
    grading_workers: int = 2
    grading_units: bool = False  # whether 5 km is wrong where the gold answer is 5 m; 5 is correct for both
    workers: int = 1  # processes that share the problems, each with its own engines

    def __post_init__(self) -> None:
        """Refuse numbers that no run can have."""
        if self.budget < 1:
            raise UserError(f"budget={self.budget}: must be at least 1 generation per problem; use e.g. budget=64.")
        if self.budget > MAX_BUDGET:
            raise UserError(f"budget={self.budget}: must be at most {MAX_BUDGET:,} generations; use e.g. budget=64.")
        if self.seed < 0:
            raise UserError(f"seed={self.seed}: must not be negative; use e.g. seed=0.")
        if self.seed > MAX_SEED:
            raise UserError(f"seed={self.seed}: must be at most 2^63 - 1; use e.g. seed=0.")
        if not 0 < self.grading_timeout <= MAX_GRADING_SECONDS:  # NaN is not
            raise UserError(
                f"grading_timeout={self.grading_timeout}: must be above 0 and at most {MAX_GRADING_SECONDS} seconds; "
                "use e.g. 5."
            )
        for name in ("workers", "grading_workers"):
            if not 1 <= (count := getattr(self, name)) <= MAX_WORKERS:
                rule = "at least 1 process" if count < 1 else f"at most {MAX_WORKERS} processes"
                raise UserError(f"{name}={count}: must be {rule}; use e.g. {name}=2.")

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
        verifier = _model_id(self.verifier) if self.verifier else None
        self.strategy.check_fit(self.budget, self.selection, _model_id(self.generator), verifier)

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
            remedy = (
                "add strategy.step_values=true" if hasattr(self.strategy, "step_values") else "use aggregation=last"
            )
            raise UserError(f"aggregation={self.aggregation}: {name} scores only whole solutions; {remedy}.")


def _model_id(part: EngineConfig) -> ModelId:
    return ModelId(part.name, part.fingerprint())
