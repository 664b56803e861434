"""Random solutions, and how far a verifier's values in vLLM are from its model card's recipe."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verifier_recipes import recipe

from ttc.engines.base import Draw, Engine, start_engine
from ttc.engines.verifier import VllmVerifier
from ttc.types import FinishReason, Problem, Score, Step, Trace

PROSE = (
    "So we have apples left and therefore the sum is \\frac{3}{4} of it, because $x^2 + 3x = 10$ means that x = 2 or "
    "x = -5 - note (a+b)c"
)
ENDS = ["\n", "\n\n", ".\n\n", ".\n", " \n\n\n"]


@dataclass(frozen=True)
class Comparison:
    """One family's values against the recipe's.

    Attributes:
        values: how many were compared.
        largest: the largest absolute difference.
        lowest: the lowest value of the recipe.
        highest: the highest.
        cached: the share of prompt tokens that the prefix cache served.
    """

    values: int
    largest: float
    lowest: float
    highest: float
    cached: float


def random_traces(count: int, seed: int = 0) -> list[Trace]:
    """Return solutions of 1 to 6 steps: some of several lines, most with blank lines behind them."""
    draw = random.Random(seed)

    def line() -> str:
        words = draw.choices(PROSE.split(), k=draw.randint(2, 12))
        return f"{draw.choice(['', 'Then '])}{' '.join(words)} {draw.randint(0, 999)}"

    def step(is_last: bool) -> Step:
        lines = [line() for _ in range(draw.choice([1, 1, 1, 2]))]
        return Step("\n".join(lines) + ("" if is_last and draw.random() < 0.5 else draw.choice(ENDS)), ())

    traces = []
    for number in range(count):
        problem = Problem(str(number), f"What is {draw.randint(1, 99)} + {draw.randint(1, 99)}? {line()}", "")
        steps = draw.randint(1, 6)
        solution = tuple(step(index == steps - 1) for index in range(steps))
        traces.append(Trace(problem, solution, FinishReason.STOP))
    return traces


def compared(verifier: VllmVerifier, traces: Sequence[Trace]) -> Comparison:
    """Score every trace step after step, and compare each value with the recipe's."""
    directory = Path(verifier.model)
    expected = recipe(verifier.format, directory, verifier.label_tokens, verifier.step_separator, verifier.question)
    engine = start_engine(verifier)
    differences, wanted, prompt, cached = [], [], 0, 0
    for trace in traces:
        values = expected(trace.problem.question, [step.text for step in trace.steps])
        assert len(values) == len(trace.steps), f"the recipe found {len(values)} of {len(trace.steps)} steps"
        for number, value in enumerate(values, 1):
            found, computed, served = _scored(engine, trace.prefix(number))
            differences.append(abs(found - value))
            prompt, cached = prompt + computed, cached + served
        wanted += values
    return Comparison(len(wanted), max(differences), min(wanted), max(wanted), cached / (prompt + cached))


def _scored(engine: Engine, trace: Trace) -> tuple[float, int, int]:
    """Return a trace's value, and the prompt tokens that were computed and that the prefix cache served."""
    engine.submit(0, Score(trace), Draw())
    while engine.is_busy:
        for found in engine.poll():
            assert isinstance(found.reply, float) and not found.partial
            return found.reply, found.usage.prompt, found.usage.cached
    raise AssertionError("the engine stopped without a reply")
