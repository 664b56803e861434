"""Finished runs for every figure, without a model: 40 problems, eight in each bin, graded by a seeded coin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from menus import BEAM, VERIFIER, finished_run, problem_record

from ttc.figures.recipes import Role, paper_ratios
from ttc.models import ModelId
from ttc.runs.records import ProblemRecord

ORM, JUDGE, BLIND_JUDGE = (ModelId(name, name, 2000) for name in ("orm", "judge", "blind"))
REVISER, REST_EM, LARGER = (
    ModelId("reviser", "r1", 1000),
    ModelId("rest-em", "r2", 1000),
    ModelId("large", "l1", 14_000),
)
LARGEST = 16
BUDGETS = (1, 2, 4, 8, 16)
LOOKAHEAD: Mapping[str, Any] = {**BEAM, "_target_": "ttc.strategies.lookahead.Lookahead"}

Chance = Callable[[Role, int, int], float]
"""The chance that a candidate is correct, by role, bin and budget."""


def even(role: Role, quintile: int, budget: int) -> float:
    """Everything is as good as everything else, and harder problems are harder."""
    return 1 - 0.18 * quintile


def write_all(directory: Path, chance: Chance = even, *, without: tuple[Role, ...] = ()) -> Path:
    """Write the runs of all roles but some below a directory, as `ttc run` would have."""
    for role in Role:
        if role not in without:
            _WRITERS[role](directory / role, role, chance)
    return directory


def rows(role: Role, budget: int, chance: Chance, *, length: int | None = None, steps: int = 1) -> list[ProblemRecord]:
    """Return a record per problem: `budget` candidates, in chains of `length`; step values that favour correct ones."""
    found = []
    for number in range(40):
        quintile, coin = number // 8 + 1, Random(f"{role} {number} {budget} {length}")
        grades = [coin.random() < chance(role, quintile, budget) for _ in range(budget)]
        chosen = coin.random() < chance(role, quintile, budget)
        values = [coin.uniform(0.4, 1.0) if grade else coin.uniform(0.0, 0.6) for grade in grades]
        record = problem_record(
            f"p{number:02}", grades, values=values, chosen=chosen, chains=length is not None, quintile=quintile
        )
        candidates = tuple(
            replace(candidate, values=candidate.values * steps, chain=None if length is None else place // length)
            for place, candidate in enumerate(record.candidates)
        )
        found.append(replace(record, candidates=candidates))
    return found


def _independent(directory: Path, role: Role, chance: Chance) -> None:
    steps = role is Role.best_of_n
    config = {"_target_": "ttc.strategies.parallel.BestOfN", "step_values": steps}
    verifier = VERIFIER if steps else ORM
    samples = rows(Role.best_of_n, LARGEST, chance, steps=2 if steps else 1)
    finished_run(directory, samples, config=config, verifier=verifier, strategy="best_of_n")


def _search(config: Mapping[str, Any], strategy: str, budgets: tuple[int, ...]) -> Callable[[Path, Role, Chance], None]:
    def write(directory: Path, role: Role, chance: Chance) -> None:
        for budget in budgets:
            finished_run(
                directory / str(budget), rows(role, budget, chance), config=config, independent=False,
                strategy=strategy, budget=budget,
            )  # fmt: skip

    return write


def _revisions(directory: Path, role: Role, chance: Chance) -> None:
    generator = REST_EM if role is Role.rest_em else REVISER
    verifier = {Role.no_history: BLIND_JUDGE, Role.base_prm: VERIFIER}.get(role, JUDGE)
    for budget in BUDGETS:
        ratios = paper_ratios(budget) if role in (Role.revisions, Role.rest_em) else ["sequential"]
        for number, ratio in enumerate(ratios):
            length = 2**number if len(ratios) > 1 else budget
            finished_run(
                directory / f"{budget}-{number}", rows(role, budget, chance, length=length), independent=False,
                config={"_target_": "ttc.strategies.revisions.Revisions", "ratio": ratio, "shown": 4},
                generator=generator, verifier=verifier, strategy="revisions", selection="hierarchical",
                selections={"hierarchical": {"accuracy": 0.5, "ci95": [0, 1]}},
            )  # fmt: skip


def _greedy(directory: Path, role: Role, chance: Chance) -> None:
    config = {"_target_": "ttc.strategies.parallel.Majority"}
    finished_run(
        directory, rows(role, 1, chance), config=config, generator=LARGER, verifier=None, strategy="majority",
        selection="majority", overrides=["generator.temperature=0"],
    )  # fmt: skip


_WRITERS: Mapping[Role, Callable[[Path, Role, Chance], None]] = {
    Role.best_of_n: _independent,
    Role.orm: _independent,
    Role.beam: _search(BEAM, "beam", BUDGETS),
    Role.beam_sqrt: _search({**BEAM, "width": None}, "beam", (1, 4, 16)),
    Role.lookahead_1_sqrt: _search({**LOOKAHEAD, "k": 1, "width": None}, "lookahead", (2, 8)),
    Role.lookahead_3_sqrt: _search({**LOOKAHEAD, "k": 3, "width": None}, "lookahead", (4, 16)),
    Role.lookahead_3: _search({**LOOKAHEAD, "k": 3}, "lookahead", (4, 8, 16)),
    Role.larger: _greedy,
    **dict.fromkeys((Role.revisions, Role.no_history, Role.base_prm, Role.rest_em), _revisions),
}
