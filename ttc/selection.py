"""How several candidates become one answer: majority, best, best-of-N weighted, hierarchical."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from ttc.grading import classes_by_structure
from ttc.types import Candidate

Classes = Mapping[str, int]
"""The number of the class of equal answers that each answer belongs to."""


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
    classes: Classes | None = None,
) -> str | None:
    """Return the chosen answer in its commonest spelling, or None when nothing can be chosen; see `choose`."""
    given = list(candidates)
    classes = _classes_of(given) if classes is None else classes
    chosen = choose(given, selection, aggregation, classes)
    if chosen is None or chosen.answer is None:
        return None
    number = classes[chosen.answer]
    return _commonest(c.answer for c in given if c.answer is not None and classes[c.answer] == number)


def choose(
    candidates: Iterable[Candidate],
    selection: SelectionRule,
    aggregation: Aggregation = Aggregation.last,
    classes: Classes | None = None,
) -> Candidate | None:
    """Return a candidate with the chosen answer; its spelling need not be the one that `select` returns.

    `majority`: the most frequent answer. `best`: that of the candidate with the highest score. `weighted`: the answer
    whose candidates' scores sum highest; its candidate with the highest score. `hierarchical`: `weighted` among what
    `weighted` chooses in each chain; a candidate of no chain is its own chain.

    The order of the candidates does not matter. Ties go to the answer with more votes (for `best`: among the highest
    scores), then with the higher single score, then with the smaller class number, which is random but fixed. A
    candidate without an answer never counts; one without values, or whose score is NaN, counts for `majority` only.
    None when no candidate counts.

    Args:
        candidates: of one problem.
        selection: the rule.
        aggregation: how a candidate's values become its score.
        classes: the class of each answer, as `Grader.classes` returns it; None: those of `classes_by_structure`.
    """
    given = [candidate for candidate in candidates if candidate.answer is not None]
    classes = _classes_of(given) if classes is None else classes
    if selection is SelectionRule.majority:
        return _heaviest([(candidate, 1.0) for candidate in given], classes)
    usable = [candidate for candidate in given if candidate.values]
    scores = [aggregate(candidate.values, aggregation) for candidate in usable]
    scored = [(candidate, score) for candidate, score in zip(usable, scores, strict=True) if not math.isnan(score)]
    if selection is SelectionRule.best:
        highest = max((score for _, score in scored), default=math.nan)
        return _heaviest([(candidate, 1.0) for candidate, score in scored if score == highest], classes)
    if selection is SelectionRule.hierarchical:
        chosen = _chosen_in_chains(scored, classes)
        scored = [(candidate, aggregate(candidate.values, aggregation)) for candidate in chosen]
    return _heaviest(scored, classes)


def _classes_of(candidates: Iterable[Candidate]) -> Classes:
    return classes_by_structure(candidate.answer for candidate in candidates if candidate.answer is not None)


def _chosen_in_chains(scored: Iterable[tuple[Candidate, float]], classes: Classes) -> Iterator[Candidate]:
    """Yield the choice of each chain."""
    chains: dict[object, list[tuple[Candidate, float]]] = {}
    for number, (candidate, score) in enumerate(scored):
        chain = ("alone", number) if candidate.chain is None else candidate.chain
        chains.setdefault(chain, []).append((candidate, score))
    for members in chains.values():
        if chosen := _heaviest(members, classes):
            yield chosen


def _heaviest(weighted: Sequence[tuple[Candidate, float]], classes: Classes) -> Candidate | None:
    """Return the candidate with the largest weight in the class of answers with the largest total weight."""
    groups: dict[int, list[tuple[Candidate, float]]] = {}
    for candidate, weight in weighted:
        if candidate.answer is not None:
            groups.setdefault(classes[candidate.answer], []).append((candidate, weight))
    if not groups:
        return None

    def rank(number: int) -> tuple[float, int, float, int]:
        weights = [weight for _, weight in groups[number]]
        # fsum: the sum must not depend on the order in which an engine happened to finish the samples.
        return math.fsum(weights), len(weights), max(weights), -number

    members = groups[max(groups, key=rank)]
    largest = max(weight for _, weight in members)
    leading = [candidate for candidate, weight in members if weight == largest]
    spelling = _commonest(candidate.answer for candidate in leading if candidate.answer is not None)
    return next(candidate for candidate in leading if candidate.answer == spelling)


def _commonest(spellings: Iterable[str]) -> str:
    """Return the most frequent spelling; of several, the shortest, then the first in alphabetical order."""
    votes = Counter(spellings)
    return min(votes, key=lambda spelling: (-votes[spelling], len(spelling), spelling))
