"""Runs that are limited by cost, of a model whose solutions have random lengths."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripted import ScriptedEngine

from ttc.config import RunConfig
from ttc.cost import FlopsConvention, ModelShape
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.base import Draw, Generator, Verifier
from ttc.execution.executor import LocalExecutor
from ttc.execution.planning import mean_cost
from ttc.execution.pool import open_executor
from ttc.execution.recorder import RecordBuilder, Recorder
from ttc.execution.solving import Solved, solve_within_limit
from ttc.grading import Grader
from ttc.hashing import seed_of
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.adaptive import AdaptiveConsistency
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.dvts import Dvts
from ttc.strategies.lookahead import Lookahead
from ttc.strategies.mcts import Mcts
from ttc.strategies.parallel import BestOfN, Majority
from ttc.strategies.particles import Particles
from ttc.strategies.revisions import Revisions
from ttc.strategies.threshold import Threshold
from ttc.types import FinishReason, Problem, Reply, Request, Sample, Step

SHAPE = ModelShape(params=1000, params_non_embedding=700, layers=3, hidden=8, params_head=150)
STRATEGIES: list[Callable[[], Strategy]] = [
    BestOfN,
    Majority,
    lambda: BestOfN(step_values=True),
    Beam,
    lambda: Beam(width=None),
    lambda: Dvts(width=2),
    lambda: Lookahead(k=1, width=2),
    Particles,
    Mcts,
    AdaptiveConsistency,
    Revisions,
    lambda: Revisions("4:1"),
    lambda: Revisions("sequential"),
    lambda: Threshold(probes=2),
]


@dataclass
class Wordy(Generator, Verifier):
    """A generator and verifier whose solutions have 1 to 5 steps of about `length` tokens, longer at higher levels."""

    model: str = "wordy"
    length: int = 10
    spread: float = 0.5
    sized: bool = True  # its shape is known

    @property
    def name(self) -> str:
        return self.model

    def start(self) -> ScriptedEngine:
        engine = ScriptedEngine(self.reply, per_poll=10_000)
        engine.shape = SHAPE if self.sized else None
        return engine

    def reply(self, request: Request, draw: Draw) -> Reply:
        rng = random.Random(seed_of(request, draw, self.length))
        if not isinstance(request, Sample):
            return rng.random()
        trace = request.trace
        level = trace.problem.level or 3
        for _ in range(request.max_steps or 20):
            words = max(1, round(self.length * level / 3 * math.exp(rng.gauss(0, self.spread))))
            ends = rng.random() < 0.35 or len(trace.steps) > 4
            text = "The answer is $\\boxed{2}$." if ends else f"step {rng.random()}\n"
            trace = trace.extended((Step(text, (7,) * words),), FinishReason.STOP if ends else FinishReason.STEP)
            if ends:
                break
        return trace


def problems(count: int, levels: bool = True) -> list[Problem]:
    return [Problem(f"p{n}", f"{n}?", "2", level=1 + n % 5 if levels else None) for n in range(count)]


def config(strategy: Strategy, **settings: Any) -> RunConfig:
    parts: dict[str, Any] = {
        **{"generator": Wordy(), "prm": Wordy("verifier"), "data": PocketDataset(), "difficulty": OracleDifficulty()},
        "selection": SelectionRule.weighted if strategy.needs_verifier else SelectionRule.majority,
    }
    return RunConfig(strategy=strategy, **{**parts, **settings})


@contextlib.contextmanager
def solving(directory: Path, grader: Grader) -> Any:
    """Provide a function that solves all problems within the limit of a config."""
    builder = RecordBuilder(SelectionRule.majority, Aggregation.last)
    with contextlib.ExitStack() as stack:

        def solve(settings: RunConfig, asked: list[Problem]) -> Solved:
            executor = stack.enter_context(open_executor(settings, len(asked)))
            return solve_within_limit(settings, executor, asked, lambda: Recorder(directory, builder, grader), stack)

        yield solve


def true_cost(settings: RunConfig, asked: list[Problem], budget: int) -> float:
    """Return the mean cost of solving all problems at a budget."""
    assert settings.limit is not None
    outcomes = LocalExecutor(settings, None).solve(asked, budget)
    return mean_cost(settings.limit, ((outcome.tokens, outcome.flops) for outcome in outcomes))


@dataclass
class Setting:
    """A random run that is limited by cost."""

    config: RunConfig
    problems: list[Problem]

    @classmethod
    def draw(cls, seed: int) -> Setting:
        rng = random.Random(seed)
        strategy = STRATEGIES[seed % len(STRATEGIES)]()
        asked = problems(rng.randrange(2, 41), levels=rng.random() < 0.8)
        wordy = Wordy(length=rng.choice([1, 5, 20]), spread=rng.choice([0.0, 0.3, 0.8]))
        generations = 12 ** rng.uniform(0.1, 1.1)
        tokens = 2.5 * wordy.length * generations
        kind = rng.choice(["tokens", "full", "paper"])
        limit: dict[str, Any] = (
            {"tokens": max(1, round(tokens))}
            if kind == "tokens"
            else {"flops": 2000 * tokens, "flops_convention": FlopsConvention(kind)}
        )
        return cls(config(strategy, generator=wordy, seed=seed, **limit), asked)
