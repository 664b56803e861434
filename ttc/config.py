"""What Hydra composes: one run's settings, and the classes that the YAML files in `configs/` are read into.

A config group's object is the strategy, engine or data set itself: `strategy/beam.yaml` begins with
`defaults: [/Beam@_here_]`, and `strategy.width=4` is `Beam(width=4)`. Nothing here imports torch or vLLM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.difficulty import read_pass1
from ttc.errors import UserError
from ttc.selection import Aggregation, Selection


@dataclass
class RunConfig:
    """One experiment. `budget` is a number of generations per problem, whatever the strategy."""

    strategy: Any  # a class of ttc.strategies
    generator: Any  # a class of ttc.engines
    data: Any  # a class of ttc.data
    difficulty: Any  # a class of ttc.difficulty
    prm: Any = None  # a class of ttc.engines; None: no verifier
    store: Any = None  # a class of ttc.store; None: keep nothing
    budget: int = 64
    seed: int = 0
    selection: Selection = Selection.WEIGHTED
    aggregation: Aggregation = Aggregation.LAST
    grading_timeout: float = 5.0  # seconds for one answer; what takes longer is wrong
    grading_workers: int = 2
    workers: int = 1  # processes with engines of their own that share out the problems

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

    def check(self) -> None:
        """Find every mistake that can be found before weights load; raises UserError."""
        self.strategy.check(self.budget)
        self._check_verifier()
        if self.difficulty.path is not None:
            read_pass1(Path(self.difficulty.path))
        prm = self.prm if self.strategy.needs_prm else None
        for part in (self.generator, prm, self.data, self.store):
            if check := getattr(part, "check", None):
                check()

    def _check_verifier(self) -> None:
        name = type(self.strategy).__name__
        if self.strategy.needs_prm and self.prm is None:
            raise UserError(f"prm=none: {name} needs a verifier; use e.g. prm=pocket, or strategy=majority.")
        if self.selection is Selection.HIERARCHICAL and not getattr(self.strategy, "has_chains", False):
            raise UserError(
                f"selection=hierarchical: {name} makes no chains of revisions; use selection=weighted, "
                "or strategy=revisions."
            )
        if self.selection is not Selection.MAJORITY and not self.strategy.needs_prm:
            raise UserError(
                f"selection={self.selection}: {name} asks no verifier for values; use selection=majority, "
                "or a strategy that scores, e.g. strategy=best_of_n."
            )
        if self.aggregation is not Aggregation.LAST and not getattr(self.strategy, "step_values", True):
            raise UserError(
                f"aggregation={self.aggregation}: {name} asks for last values alone; add strategy.step_values=true."
            )


def register_run() -> None:
    """Make the classes that `ttc run` may compose known to Hydra, each under its own name."""
    from ttc.data import Dataset, PocketDataset
    from ttc.difficulty import OracleDifficulty
    from ttc.engines.ensemble import Ensemble
    from ttc.engines.prm import VllmPrm
    from ttc.engines.vllm import VllmGenerator
    from ttc.store import SqliteStore
    from ttc.strategies.adaptive import AdaptiveConsistency
    from ttc.strategies.beam import Beam
    from ttc.strategies.dvts import Dvts
    from ttc.strategies.lookahead import Lookahead
    from ttc.strategies.mcts import Mcts
    from ttc.strategies.parallel import BestOfN, Majority
    from ttc.strategies.particles import Particles
    from ttc.strategies.revisions import Revisions

    _register(RunConfig, Majority, BestOfN, Beam, Lookahead, Revisions)
    _register(Dvts, Particles, AdaptiveConsistency, Mcts)
    _register(VllmGenerator, VllmPrm, Ensemble, Dataset, PocketDataset, OracleDifficulty, SqliteStore)


def register_training() -> None:
    """Make the trainings of `ttc train` known to Hydra."""
    from ttc.training.generator import GeneratorTraining
    from ttc.training.orm import OrmTraining, RevisionVerifierTraining
    from ttc.training.prm import PrmTraining
    from ttc.training.reviser import ReviserTraining

    _register(GeneratorTraining, PrmTraining, OrmTraining, ReviserTraining, RevisionVerifierTraining)


def _register(*schemas: Callable[..., Any]) -> None:
    from hydra.core.config_store import ConfigStore

    for schema in schemas:
        ConfigStore.instance().store(name=schema.__name__, node=schema)


def config_directory() -> Path:
    """Return the directory of the YAML files: in the package of a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for directory in (package / "configs", package.parent / "configs"):
        if (directory / "run.yaml").is_file():
            return directory
    raise UserError(f"{package / 'configs'} is missing; reinstall ttc.")
