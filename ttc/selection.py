"""How several candidates become one answer: majority, best, best-of-N weighted, hierarchical."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from ttc.grading import normalize_answer
from ttc.types import Candidate


class Aggregation(StrEnum):
    """How the values of a candidate's steps become its score."""

    last = "last"
    min = "min"
    prod = "prod"
    mean = "mean"


class SelectionRule(StrEnum):
    """How candidates become one answer (Snell et al. 2024, section 5.1; for chains of revisions section 6)."""

    majority = "majority"
    best = "best"
    weighted = "weighted"
    hierarchical = "hierarchical"


def aggregate(values: Sequence[float], how: Aggregation) -> float:
    """Score a candidate from its step values, both in [0, 1].

    `last` is the paper's choice: trained on soft labels, the last value already estimates the whole solution's chance
    of being correct (Snell et al. 2024, appendix on aggregation).

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("a candidate without values has no score")
    if how is Aggregation.last:
        return values[-1]
    if how is Aggregation.min:
        return min(values)
    if how is Aggregation.prod:
        return math.prod(values)
    return math.fsum(values) / len(values)


def select(
    candidates: Iterable[Candidate],
    selection: SelectionRule,
    aggregation: Aggregation = Aggregation.last,
) -> str | None:
    """Return the chosen final answer as its candidate wrote it, or None when nothing can be chosen."""
    chosen = choose(candidates, selection, aggregation)
    return None if chosen is None else chosen.answer


def choose(
    candidates: Iterable[Candidate],
    selection: SelectionRule,
    aggregation: Aggregation = Aggregation.last,
) -> Candidate | None:
    """Return the candidate that represents the chosen answer.

    `majority`: the first candidate of the most frequent answer. `best`: the candidate with the highest score.
    `weighted`: of the answer whose candidates' scores sum highest, the candidate with the highest score.
    `hierarchical`: `weighted` among what `weighted` chooses in each chain; a candidate of no chain is its own chain.

    Ties go to the earlier candidate. A candidate without an answer never counts; one without values, or whose score is
    NaN, counts for `majority` only. None when no candidate counts.
    """
    if selection is SelectionRule.majority:
        return _heaviest([(candidate, 1.0) for candidate in candidates if candidate.answer is not None])
    usable = [candidate for candidate in candidates if candidate.answer is not None and candidate.values]
    scores = [aggregate(candidate.values, aggregation) for candidate in usable]
    scored = [(candidate, score) for candidate, score in zip(usable, scores, strict=True) if not math.isnan(score)]
    if selection is SelectionRule.best:
        return _best(scored)
    if selection is SelectionRule.hierarchical:
        scored = [(chosen, aggregate(chosen.values, aggregation)) for chosen in _chosen_in_chains(scored)]
    return _heaviest(scored)


def _chosen_in_chains(scored: Iterable[tuple[Candidate, float]]) -> Iterator[Candidate]:
    """Yield the choice of each chain."""
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
    """Return the candidate with the largest weight in the group of equal answers with the largest total weight."""
    groups: dict[str, list[tuple[Candidate, float]]] = {}
    for candidate, weight in weighted:
        if candidate.answer is not None:
            groups.setdefault(normalize_answer(candidate.answer), []).append((candidate, weight))
    if not groups:
        return None
    # fsum: the sum must not depend on the order in which an engine happened to finish the samples.
    return _best(max(groups.values(), key=lambda group: math.fsum(weight for _, weight in group)))
