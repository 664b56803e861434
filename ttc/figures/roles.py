"""Which role finished runs play, told from what they say of themselves: for figures of runs that exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttc.analysis.curves import models_of
from ttc.errors import UserError
from ttc.figures.recipes import Role
from ttc.runs.finding import Run


@dataclass(frozen=True)
class _Facts:
    """What decides about a run's role."""

    run: Run
    strategy: str
    config: Mapping[str, Any]
    generator: str  # fingerprints
    verifier: str | None


def roles_of(runs: Sequence[Run]) -> dict[Role, list[Run]]:
    """Sort runs by role; runs that no figure needs are left out.

    The generator is the one that most searches sampled, and the PRM the verifier that guided them. Best-of-N runs of
    that generator with another verifier are the ORM's. The reviser is the one with the most runs of revisions, and its
    verifier the one that judged the most of them. A greedy run of another generator is the larger model's.

    Raises:
        UserError: none of the runs plays a role.
    """
    facts = [_facts(run) for run in runs]
    searches = [f for f in facts if f.strategy in ("beam", "lookahead")]
    sampled = searches or [f for f in facts if f.strategy == "best_of_n"]
    revising = [f for f in facts if f.strategy == "revisions"]
    generator = _commonest(f.generator for f in sampled)
    prm = _commonest(f.verifier for f in sampled)
    reviser = _commonest(f.generator for f in revising)
    judge = _commonest(f.verifier for f in revising if f.generator == reviser)
    cast = _Cast(generator, prm, reviser, judge)
    found: dict[Role, list[Run]] = {}
    for fact in facts:
        if (role := cast.role_of(fact)) is not None:
            found.setdefault(role, []).append(fact.run)
    if not found:
        raise UserError("--from: none of these runs belongs to a figure; give runs of best_of_n, beam or revisions.")
    return {role: _finest(found[role]) for role in Role if role in found}


@dataclass(frozen=True)
class _Cast:
    generator: str | None
    prm: str | None
    reviser: str | None
    judge: str | None

    def role_of(self, fact: _Facts) -> Role | None:
        if fact.strategy == "revisions":
            return self._revising(fact)
        if fact.generator != self.generator:
            greedy = fact.run.summary["budget"] == 1 and fact.strategy in ("majority", "best_of_n")
            return Role.larger if greedy else None
        if fact.strategy == "best_of_n":
            return Role.best_of_n if fact.verifier == self.prm else Role.orm
        if fact.verifier != self.prm:
            return None
        return _SEARCHES.get((fact.strategy, fact.config.get("k"), fact.config.get("width")))

    def _revising(self, fact: _Facts) -> Role | None:
        if fact.generator != self.reviser:
            return Role.rest_em if fact.verifier == self.judge else None
        if fact.verifier == self.judge:
            return Role.revisions
        return Role.base_prm if fact.verifier == self.prm else Role.no_history


_SEARCHES: Mapping[tuple[str, object, object], Role] = {
    ("beam", None, 4): Role.beam,
    ("beam", None, None): Role.beam_sqrt,
    ("lookahead", 1, None): Role.lookahead_1_sqrt,
    ("lookahead", 3, None): Role.lookahead_3_sqrt,
    ("lookahead", 3, 4): Role.lookahead_3,
}


def _facts(run: Run) -> _Facts:
    generator, verifier = models_of(run)
    config = run.summary.get("strategy_config") or {}
    return _Facts(
        run,
        str(run.summary["strategy"]),
        config,
        generator.fingerprint,
        verifier.fingerprint if verifier else None,
    )


def _commonest(names: Iterable[str | None]) -> str | None:
    counts = Counter(name for name in names if name is not None)
    return max(counts, key=lambda name: (counts[name], name), default=None)


def _finest(runs: Sequence[Run]) -> list[Run]:
    """Of best-of-N runs with and without values after every step, only those with them."""
    with_steps = [run for run in runs if run.summary["strategy_config"].get("step_values")]
    return with_steps or list(runs)
