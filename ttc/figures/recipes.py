"""The runs that figures are made from: strategies x budgets x seeds, each needed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ttc.figures.settings import FigureSettings


class Role(StrEnum):
    """What a set of runs is for."""

    best_of_n = "best_of_n"  # scored after every step by the PRM; majority and the aggregations follow from it
    orm = "orm"  # the same samples, scored by the ORM
    beam = "beam"  # M = 4
    beam_sqrt = "beam_sqrt"  # M = sqrt(N)
    lookahead_1_sqrt = "lookahead_1_sqrt"
    lookahead_3_sqrt = "lookahead_3_sqrt"
    lookahead_3 = "lookahead_3"  # M = 4
    revisions = "revisions"  # every ratio of sequential to parallel
    no_history = "no_history"  # chains scored by the revision verifier without the earlier attempts
    base_prm = "base_prm"  # chains scored by the PRM
    rest_em = "rest_em"  # the ReST-EM reviser, every ratio at a quarter of the largest budget
    larger = "larger"  # greedy


@dataclass(frozen=True)
class Recipe:
    """One run.

    Attributes:
        name: of its directory.
        overrides: as for `ttc run`.
    """

    role: Role
    name: str
    budget: int
    seed: int
    overrides: tuple[str, ...]


NEEDED_MODELS: dict[Role, tuple[str, ...]] = {
    **dict.fromkeys(Role, ()),
    Role.orm: ("orm",),
    Role.revisions: ("reviser", "revision_verifier"),
    Role.no_history: ("reviser", "revision_verifier"),
    Role.base_prm: ("reviser",),
    Role.rest_em: ("rest_em_reviser", "revision_verifier"),
    Role.larger: ("larger",),
}


def recipes(roles: Sequence[Role], settings: FigureSettings) -> list[Recipe]:
    """Return the runs of some roles, all seeds of a role together; roles whose models are missing have none."""
    wanted = [role for role in Role if role in roles and settings.has(*NEEDED_MODELS[role])]
    return [recipe for role in wanted for seed in settings.seeds for recipe in _runs(role, seed, settings)]


def paper_ratios(budget: int) -> list[str]:
    """Return the ratios of sequential to parallel that the paper tries at a power of two (ICLR version, table 1).

    From all parallel to one chain, every other power of two of the ratio; from 256 on, every fourth. The two ends have
    names, so that they are one strategy at all budgets.
    """
    power = budget.bit_length() - 1
    step = 2 if power < 8 else 4
    interior = [_ratio(exponent) for exponent in range(step - power, power, step)]
    return ["parallel", *interior, "sequential"] if budget > 1 else ["parallel"]


def _ratio(exponent: int) -> str:
    return f"{2**exponent}:1" if exponent > 0 else f"1:{2**-exponent}"


def _runs(role: Role, seed: int, settings: FigureSettings) -> Iterator[Recipe]:
    if role is Role.larger and seed != settings.seeds[0]:
        return  # greedy: all seeds are one
    models = [f"data={settings.data}", "data.limit=null"]
    for number, (budget, own) in enumerate(_strategies(role, settings)):
        label = f"{budget}-{number}" if role in (Role.revisions, Role.rest_em) else str(budget)
        overrides = (*own, f"budget={budget}", f"seed={seed}", *models, *settings.overrides)
        yield Recipe(role, f"{role}-{label}-s{seed}", budget, seed, overrides)


def _strategies(role: Role, settings: FigureSettings) -> Iterator[tuple[int, list[str]]]:
    """Yield budgets with what makes the run this role's."""
    largest, budgets = settings.budgets[-1], settings.budgets
    search = [f"generator={settings.generator}", f"prm={settings.prm}"]
    revising = ["strategy=revisions", f"generator={settings.reviser}"]
    squares = [n * n for n in (2**power for power in range(largest.bit_length())) if n * n <= largest]
    if role is Role.best_of_n:
        yield largest, ["strategy=best_of_n", "strategy.step_values=true", *search]
    elif role is Role.orm:
        yield largest, ["strategy=best_of_n", search[0], f"prm={settings.orm}"]
    elif role is Role.beam:
        yield from ((budget, ["strategy=beam", *search]) for budget in budgets)
    elif role is Role.beam_sqrt:
        yield from ((budget, ["strategy=beam", "strategy.width=null", *search]) for budget in squares)
    elif role in (Role.lookahead_1_sqrt, Role.lookahead_3_sqrt):
        k = 1 if role is Role.lookahead_1_sqrt else 3
        own = ["strategy=lookahead", f"strategy.k={k}", "strategy.width=null", *search]
        yield from (((k + 1) * square, own) for square in squares if (k + 1) * square <= largest)
    elif role is Role.lookahead_3:
        yield from ((n, ["strategy=lookahead", "strategy.k=3", *search]) for n in budgets if n >= 4)
    elif role is Role.revisions:
        for budget in budgets:
            for ratio in paper_ratios(budget):
                yield budget, [*revising, f"prm={settings.revision_verifier}", f"strategy.ratio={ratio}"]
    elif role in (Role.no_history, Role.base_prm):
        verifier = [f"prm={settings.revision_verifier}", "prm.format=plain"]
        judged = verifier if role is Role.no_history else [f"prm={settings.prm}"]
        yield from ((n, [*revising, *judged, "strategy.ratio=sequential"]) for n in squares if n > 1)
    elif role is Role.rest_em:
        own = ["strategy=revisions", f"generator={settings.rest_em_reviser}", f"prm={settings.revision_verifier}"]
        quarter = max(largest // 4, 4)
        yield from ((quarter, [*own, f"strategy.ratio={ratio}"]) for ratio in paper_ratios(quarter))
    else:
        greedy = [f"generator={settings.larger}", "generator.temperature=0"]
        yield 1, ["strategy=majority", *greedy]
