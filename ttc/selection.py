"""How several candidates become one answer: majority, best, best-of-N weighted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from ttc.grading import normalize_answer
from ttc.types import Candidate

# The lower-case names are aliases: OmegaConf reads an enum's member by its name, and people type `selection=best`.


class Aggregation(StrEnum):
    """How the values of a candidate's steps become its score."""

    LAST = "last"
    MIN = "min"
    PROD = "prod"
    MEAN = "mean"

    last = LAST
    min = MIN
    prod = PROD
    mean = MEAN


class Selection(StrEnum):
    """How candidates become one answer (Snell et al. 2024, section 5.1; for chains of revisions section 6)."""

    MAJORITY = "majority"
    BEST = "best"
    WEIGHTED = "weighted"
    HIERARCHICAL = "hierarchical"

    majority = MAJORITY
    best = BEST
    weighted = WEIGHTED
    hierarchical = HIERARCHICAL


def aggregate(values: Sequence[float], how: Aggregation) -> float:
    """Score a candidate from its step values, both in [0, 1].

    Raises ValueError without values. LAST is the paper's choice: trained on soft labels, the last value already
    estimates the whole solution's chance of being right (Snell et al. 2024, appendix on aggregation).
    """
    if not values:
        raise ValueError("a candidate without values has no score")
    if how is Aggregation.LAST:
        return values[-1]
    if how is Aggregation.MIN:
        return min(values)
    if how is Aggregation.PROD:
        return math.prod(values)
    return math.fsum(values) / len(values)


def select(
    candidates: Iterable[Candidate],
    selection: Selection,
    aggregation: Aggregation = Aggregation.LAST,
) -> str | None:
    """Return the chosen final answer as its candidate wrote it, or None when nothing can be chosen."""
    chosen = choose(candidates, selection, aggregation)
    return None if chosen is None else chosen.answer


def choose(
    candidates: Iterable[Candidate],
    selection: Selection,
    aggregation: Aggregation = Aggregation.LAST,
) -> Candidate | None:
    """Return the candidate that stands for the chosen answer.

    MAJORITY: the first of the most frequent answer. BEST: the best scored. WEIGHTED: the best scored of the answer
    whose candidates' scores sum highest. HIERARCHICAL: WEIGHTED among what WEIGHTED chooses in each chain; a candidate
    of no chain is its own. Ties go to what was seen first. A candidate without an answer never
    counts; one without values, or with a score of nan, counts for MAJORITY alone. None when no candidate counts.
    """
    if selection is Selection.MAJORITY:
        return _heaviest([(candidate, 1.0) for candidate in candidates if candidate.answer is not None])
    judged = [(c, aggregate(c.values, aggregation)) for c in candidates if c.answer is not None and c.values]
    scored = [(candidate, score) for candidate, score in judged if not math.isnan(score)]
    if selection is Selection.BEST:
        return _best(scored)
    if selection is Selection.HIERARCHICAL:
        scored = [(chosen, aggregate(chosen.values, aggregation)) for chosen in _chosen_in_chains(scored)]
    return _heaviest(scored)


def _chosen_in_chains(scored: Iterable[tuple[Candidate, float]]) -> Iterator[Candidate]:
    """The choice of each chain; one that stands alone chooses itself."""
    chains: dict[object, list[tuple[Candidate, float]]] = {}
    for number, (candidate, score) in enumerate(scored):
        chain = ("alone", number) if candidate.chain is None else candidate.chain
        chains.setdefault(chain, []).append((candidate, score))
    for members in chains.values():
        if chosen := _heaviest(members):
            yield chosen


def _best(scored: Sequence[tuple[Candidate, float]]) -> Candidate | None:
    return max(scored, key=lambda pair: pair[1])[0] if scored else None


def _heaviest(weighted: Sequence[tuple[Candidate, float]]) -> Candidate | None:
    """Return the best-weighted member of the group of equal answers with the largest sum of weights."""
    groups: dict[str, list[tuple[Candidate, float]]] = {}
    for candidate, weight in weighted:
        if candidate.answer is not None:
            groups.setdefault(normalize_answer(candidate.answer), []).append((candidate, weight))
    if not groups:
        return None
    # fsum: the sum must not depend on the order in which an engine happened to finish the samples.
    return _best(max(groups.values(), key=lambda group: math.fsum(weight for _, weight in group)))
