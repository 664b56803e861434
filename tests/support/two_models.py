"""Runs of a small and of a larger model, with a brute-force reference of what `ttc scale` reads from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from menus import BEAM, finished_run, problem_record

from ttc.analysis.scaling import ScaleSettings, Scaling, scale
from ttc.analysis.scaling_report import ScaleRow, scale_rows
from ttc.models import ModelId
from ttc.runs.finding import find_runs
from ttc.runs.records import ProblemRecord

SMALL, LARGE = ModelId("half", "g1", 1000), ModelId("full", "g2", 3000)
MAJORITY = {"_target_": "ttc.strategies.parallel.Majority"}
GREEDY: Mapping[str, Any] = {
    **{"config": MAJORITY, "generator": LARGE, "verifier": None, "selection": "majority"},
    **{"overrides": ["generator.temperature=0"], "tokens": {"decoded": 600}, "generations": 60},
}
PROBLEMS, DRAWS, BEAM_BUDGETS, SEEDS = 60, 8, (2, 4, 8), 2


def bin_of(place: int) -> int:
    return place % 5 + 1


def id_of(place: int) -> str:
    return f"p{place:02}"


class Results:
    """What two models answered, at random: harder bins are solved less often, more budget helps."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        chance = np.array([0.9 - 0.17 * (bin_of(place) - 1) for place in range(PROBLEMS)])
        self.draws = rng.random((PROBLEMS, DRAWS)) < 0.6 * chance[:, None]
        self.beam = {
            (budget, seed): rng.random(PROBLEMS) < chance * (0.6 + 0.05 * budget)
            for budget in BEAM_BUDGETS
            for seed in range(SEEDS)
        }
        self.large = rng.random(PROBLEMS) < chance

    def write(self, directory: Path) -> Path:
        small = directory / "small"
        rows = [self._record(place, self.draws[place].tolist()) for place in range(PROBLEMS)]
        finished_run(small / "bon", rows, generator=SMALL, tokens={"decoded": 9600}, generations=480)
        for (budget, seed), solved in self.beam.items():
            rows = [self._record(place, [bool(solved[place])] * budget) for place in range(PROBLEMS)]
            finished_run(
                small / f"beam{budget}-{seed}", rows, config=BEAM, generator=SMALL, independent=False, seed=seed
            )
        finished_run(directory / "large", self.large_rows(), **GREEDY)
        return directory

    def large_rows(self) -> list[ProblemRecord]:
        return [problem_record(id_of(place), [bool(self.large[place])]) for place in range(PROBLEMS)]

    def _record(self, place: int, grades: list[bool]) -> ProblemRecord:
        return problem_record(id_of(place), grades, quintile=bin_of(place))

    def reference(self, strategy: str, budget: float, place: int) -> float:
        """Return a problem's accuracy at a budget, by the definition of the log-linear interpolation."""
        measured = [1, 2, 4, 8] if strategy == "best_of_n oracle" else [*BEAM_BUDGETS]
        budget = min(max(budget, measured[0]), measured[-1])
        low = max(n for n in measured if n <= budget)
        high = min(n for n in measured if n >= budget)
        at_low, at_high = (self._measured(strategy, n, place) for n in (low, high))
        share = 0.0 if low == high else (math.log(budget) - math.log(low)) / (math.log(high) - math.log(low))
        return (1 - share) * at_low + share * at_high

    def _measured(self, strategy: str, budget: int, place: int) -> float:
        if strategy == "beam oracle":
            return sum(float(self.beam[budget, seed][place]) for seed in range(SEEDS)) / SEEDS
        subsets = [*combinations(self.draws[place], budget)]  # pass@k: the share of subsets with a correct one
        return sum(any(subset) for subset in subsets) / len(subsets)


RESULTS = Results()


def scaled(runs: Path, large: Path | None = None, **settings: Any) -> Scaling:
    """Compare the runs that `Results.write` wrote."""
    return scale(find_runs([runs / "small"]), find_runs([large or runs / "large"]), ScaleSettings(**settings))


def rows_by_key(found: Scaling) -> dict[tuple[str, float, int | None], ScaleRow]:
    """Return the rows by strategy, R and bin."""
    return {(row.strategy, row.r, row.bin): row for row in scale_rows(found)}
