"""An executor solves problems with a config's strategy; this one does so in the process that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ttc.config import RunConfig
from ttc.cost import Ledger, Tokens
from ttc.engines.base import Engine, EngineConfig, start_engine
from ttc.engines.stored import StoredEngine, StoreMemory
from ttc.execution.runner import Outcome, Runner, start_flows
from ttc.store.database import Store
from ttc.types import Problem


class Executor(Protocol):
    """Solves problems with a config's strategy.

    Attributes:
        ledger: tokens and FLOPs of the finished problems.
        seconds: how long each engine has worked, by `generate` and `score`, and how long engines took that were loaded
            only when they were first asked, as `load`.
        on_tokens: called with the cost of replies that were computed in this run.
        on_poll: called from time to time.
    """

    ledger: Ledger
    seconds: dict[str, float]
    on_tokens: Callable[[Tokens], None]
    on_poll: Callable[[], None]

    @property
    def decoding_tokens(self) -> int:
        """Tokens of the solutions in progress."""

    @property
    def damaged_replies(self) -> int:
        """How many stored replies were damaged, and computed again."""

    def solve(self, problems: Sequence[Problem], budget: int | None = None) -> Iterator[Outcome]:
        """Yield each problem's outcome as it finishes.

        Args:
            problems: any part of the run's.
            budget: of each, in generations; None: what the config gives each. Several may be tried one after another.
        """


def start_stored(config: EngineConfig, store: Store | None) -> Engine:
    """Return the engine of a config; where there is a store, it replays what that holds and keeps what is new."""
    if store is None:
        return start_engine(config)
    return StoredEngine(start_engine(config, StoreMemory(store, config.name)), store, config.name)


class LocalExecutor(Runner):
    """Does all the work in this process."""

    def __init__(self, config: RunConfig, store: Store | None) -> None:
        """Load the weights, unless an earlier job of this process has."""
        verifier = start_stored(config.verifier, store) if config.verifier else None
        super().__init__(start_stored(config.generator, store), verifier, seed=config.seed)
        self._config, self._store = config, store

    @property
    def damaged_replies(self) -> int:
        return self._store.damaged if self._store else 0

    def solve(self, problems: Sequence[Problem], budget: int | None = None) -> Iterator[Outcome]:
        strategy, budget_of = self._config.strategy, self._config.budget_of
        return self.run(start_flows(problems, lambda p: strategy.solve(p, budget or budget_of(p.id))))
