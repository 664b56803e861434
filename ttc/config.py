"""One run's settings. Each part is the object that does the work; nothing here imports torch or vLLM."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ttc.budget_table import BudgetTable, load_budget_table
from ttc.cost import CostLimit, FlopsConvention
from ttc.data.base import Dataset
from ttc.difficulty.base import Difficulty
from ttc.engines.base import EngineConfig, Generator, Verifier
from ttc.engines.gpu_shares import check_shares
from ttc.errors import UserError
from ttc.files import expanded
from ttc.grading import AnswerGrader, MathGrader
from ttc.models import ModelId
from ttc.selection import Aggregation, SelectionRule
from ttc.store.database import SqliteStore
from ttc.strategies.base import Strategy
from ttc.terminal import printable_line
from ttc.tracking.base import Tracker
from ttc.types import Problem

DEFAULT_BUDGET = 64
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
    budget: int | None = None  # generations per problem, whatever the strategy; null: 64, or what the next three buy
    flops: float | None = None  # FLOPs per problem: the largest budget whose mean cost does not exceed them
    tokens: int | None = None  # the same, in computed tokens: prompt, decoded and verifier tokens, without cached ones
    budget_table: str | None = None  # path of a table of each problem's budget, as `ttc allocate` writes
    flops_convention: FlopsConvention = FlopsConvention.full  # of `flops`
    seed: int = 0
    selection: SelectionRule = SelectionRule.weighted
    aggregation: Aggregation = Aggregation.last
    grading_timeout: float = 5.0  # seconds for one answer; what takes longer is wrong; a fifth after 16 such answers
    grading_workers: int = 2
    grading_units: bool = False  # whether 5 km is wrong where the gold answer is 5 m; 5 is correct for both
    workers: int = 1  # processes that share the problems, each with its own engines
    grader: AnswerGrader = field(default_factory=MathGrader)
    tracker: Tracker | None = None  # hears of the run, and is no part of what identifies it

    def __post_init__(self) -> None:
        """Refuse numbers that no run can have."""
        self._resolve_budget()
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

    def _resolve_budget(self) -> None:
        """Refuse two budgets, or an impossible one; without any, the budget is the default."""
        names = ("budget", "flops", "tokens", "budget_table")
        given = [f"{name}={value}" for name in names if (value := getattr(self, name)) is not None]
        if len(given) > 1:
            raise UserError(f"{' and '.join(given)}: a run has one budget; give one of them, and none as null.")
        if not given:
            self.budget = DEFAULT_BUDGET
        if self.budget is not None and self.budget < 1:
            raise UserError(f"budget={self.budget}: must be at least 1 generation per problem; use e.g. budget=64.")
        if self.budget is not None and self.budget > MAX_BUDGET:
            raise UserError(f"budget={self.budget}: must be at most {MAX_BUDGET:,} generations; use e.g. budget=64.")
        if self.flops is not None and not 0 < self.flops < math.inf:  # NaN is not
            raise UserError(f"flops={self.flops}: must be a number above 0, of FLOPs per problem; use e.g. flops=3e9.")
        if self.tokens is not None and self.tokens < 1:
            raise UserError(f"tokens={self.tokens}: must be at least 1 token per problem; use e.g. tokens=5000.")

    @property
    def limit(self) -> CostLimit | None:
        """What a problem may cost on average, if that is the budget."""
        if self.flops is not None:
            return CostLimit(self.flops, self.flops_convention)
        return None if self.tokens is None else CostLimit(self.tokens)

    @cached_property
    def budgets(self) -> BudgetTable | None:
        """The table of each problem's budget, if there is one; worker processes get it with the config.

        Raises:
            UserError: it cannot be read, or is not such a table.
        """
        return None if self.budget_table is None else load_budget_table(expanded(self.budget_table))

    def budget_of(self, problem_id: str) -> int:
        """Return a problem's generations.

        Raises:
            ValueError: a limit of cost determines them (see `ttc.execution.planning`).
        """
        if self.budgets is not None:
            return self.budgets[problem_id]
        if self.budget is None:
            raise ValueError("the budget is not planned yet")
        return self.budget

    @property
    def verifier(self) -> Verifier | None:
        """The verifier, if the strategy asks one for scores."""
        return self.prm if self.strategy.needs_verifier else None

    def check(self) -> None:
        """Find every error that can be found before weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        budgets = self._budgets_to_check()
        for budget in budgets:
            with self._named():
                self.strategy.check(budget)
        self._check_selection()
        for part in (self.grader, self.difficulty, self.generator, self.verifier, self.data, self.store, self.tracker):
            if part is not None:
                part.check()
        check_shares(self.generator, self.verifier)
        for budget in budgets:
            with self._named():
                self.check_fit(budget)
        if self.budgets is not None:
            self._check_model("generator", self.budgets.generator, self.generator)
            if self.verifier is not None:
                self._check_model("prm", self.budgets.verifier, self.verifier)

    def check_fit(self, budget: int) -> None:
        """Refuse a budget for which the strategy was not made, before weights load or where it is planned.

        Raises:
            UserError: with what the strategy was made for.
        """
        verifier = _model_id(self.verifier) if self.verifier else None
        self.strategy.check_fit(budget, self.selection, _model_id(self.generator), verifier)

    def check_problems(self, problems: Sequence[Problem]) -> None:
        """Refuse problems that cannot be graded, or have no budget or no room for a solution, before any weights load.

        Raises:
            UserError: with a problem's id.
        """
        self.grader.check_problems(problems)
        self.generator.check_problems(problems)
        if self.budgets is not None:
            missing = [problem.id for problem in problems if problem.id not in self.budgets]
            if missing:
                raise UserError(
                    f"budget_table={self.budget_table}: {len(missing)} of {len(problems)} problems are not in the "
                    f"table, e.g. {printable_line(repr(missing[0]), 80)}; use the data that it was made for."
                )

    def _budgets_to_check(self) -> list[int]:
        """Return the budgets of the run; where they are to be planned, the smallest that the strategy can spend."""
        if self.budgets is not None:
            return sorted(set(self.budgets.values()))
        return [self.budget or self.strategy.smallest_spendable() or DEFAULT_BUDGET]

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Name the table whose budgets the block checks."""
        try:
            yield
        except UserError as error:
            if self.budgets is None:
                raise
            raise UserError(f"budget_table={self.budget_table}: {error}") from None

    def _check_model(self, group: str, wanted: ModelId | None, part: EngineConfig) -> None:
        if wanted is not None and wanted.fingerprint != part.fingerprint():
            same = ", with other settings or weights" if wanted.name == part.name else ""
            raise UserError(
                f"{group}={part.name}: budget_table={self.budget_table} was made with {printable_line(wanted.name)}"
                f"{same}; use that, or make a table from runs of this {group}."
            )

    def _check_selection(self) -> None:
        name = type(self.strategy).__name__
        if self.strategy.needs_verifier and self.prm is None:
            raise UserError(f"prm=none: {name} needs a verifier; use e.g. prm=pocket, or strategy=majority.")
        if self.selection is SelectionRule.hierarchical and not self.strategy.has_chains:
            raise UserError(
                f"selection=hierarchical: {name} makes no chains of revisions; use selection=weighted, "
                "or strategy=revisions."
            )
        if self.strategy.counts_votes and not self.grader.votes_by_structure:
            raise UserError(
                f"grader={type(self.grader).__name__}: {name} counts votes while it samples, as grader=math does; "
                "use grader=math, or e.g. strategy=majority."
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
