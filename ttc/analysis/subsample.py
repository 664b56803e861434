"""Accuracy at every smaller budget from one run's samples, unbiased, without running again.

A random subset of k of a problem's n independent samples is what a run with budget k would have drawn. Oracle and
best have closed forms (best only without ties); majority and weighted are averaged over random subsets. This holds only
for strategies whose samples are independent: beams and revisions at a smaller budget are not subsets of those at a
larger one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc.analysis.accuracy import ORACLE
from ttc.analysis.intervals import RESAMPLES, intervals
from ttc.grading import classes_by_structure
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.selection import Aggregation, SelectionRule, aggregate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
SUBSETS = 200


def budget_curve(
    records: Sequence[ProblemRecord],
    budgets: Sequence[int],
    *,
    aggregation: Aggregation = Aggregation.last,
    subsets: int = SUBSETS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return accuracy over budget: columns budget, selection, accuracy, lo, hi (95% over problems), n (problems).

    Raises:
        ValueError: no records, or a problem with fewer candidates than the largest budget.
    """
    records = sorted(records, key=lambda record: record.id)
    by_selection = outcomes_at_budgets(records, budgets, aggregation=aggregation, subsets=subsets, seed=seed)
    values = np.concatenate([*by_selection.values()], axis=1)  # (problems, selections · budgets)
    found = intervals(values, resamples=resamples, seed=seed)
    cells = zip(product(by_selection, budgets), found, strict=True)
    table = [(budget, name, i.mean, i.lo, i.hi, i.n) for (name, budget), i in cells]
    return pd.DataFrame(table, columns=["budget", "selection", "accuracy", "lo", "hi", "n"])


def outcomes_at_budgets(
    records: Sequence[ProblemRecord],
    budgets: Sequence[int],
    *,
    aggregation: Aggregation = Aggregation.last,
    subsets: int = SUBSETS,
    seed: int = 0,
) -> dict[str, Floats]:
    """Return each problem's expected accuracy at each budget, (problems, budgets), by selection.

    `best` and `weighted` are left out where a problem has no values.

    Raises:
        ValueError: no records, or a problem with fewer candidates than the largest budget.
    """
    rows = [_estimate(record, budgets, aggregation, subsets, seed) for record in records]
    names = [str(name) for name in (*SelectionRule, ORACLE) if all(name in row for row in rows)]
    return {name: np.array([row[name] for row in rows]) for name in names}


def subsampled(
    groups: Sequence[int | None],
    scores: Sequence[float] | None,
    correct: Sequence[bool],
    budgets: Sequence[int],
    *,
    subsets: int = SUBSETS,
    seed: int | Sequence[int] = 0,
) -> dict[str, Floats]:
    """Estimate one problem's accuracy at each of `budgets` from its n samples, by selection.

    Ties are decided as in `selection.select`. Exact where a budget has at most max(subsets, n) subsets.

    Args:
        groups: the class of each sample's answer, as the selections number them; None: no answer, never counts.
        scores: the candidates' scores; NaN: not scored, counts for majority only. None: nothing was scored, and best
            and weighted are left out.
        correct: the candidates' grades.
        budgets: each in 1 .. n.
        subsets: how many random subsets to average over.
        seed: of the subsets.

    Raises:
        ValueError: a budget outside 1 .. n, or lengths that differ.
    """
    n = len(correct)
    if len(groups) != n or (scores is not None and len(scores) != n):
        raise ValueError("groups, scores and correct must have one entry per sample")
    if any(not 1 <= k <= n for k in budgets):
        raise ValueError(f"budgets must lie in 1 .. {n}, the number of samples, not {list(budgets)}")
    codes = np.array([-1 if group is None else group for group in groups], dtype=np.int64)
    flags = np.where(codes >= 0, np.asarray(correct, dtype=np.float64), 0.0)
    masks = _subset_masks(n, tuple(budgets), subsets, np.random.default_rng(seed))
    result = {"majority": _voted(codes, np.ones(n), flags, masks)}
    if scores is not None:
        weights = np.asarray(scores, dtype=np.float64)
        usable = np.where(np.isnan(weights), -1, codes)
        result["best"] = _best(usable, weights, flags, tuple(budgets), masks)
        result["weighted"] = _voted(usable, np.nan_to_num(weights), flags, masks)
    return result | {"oracle": pass_at_k(n, int(flags.sum()), budgets)}


def pass_at_k(n: int, correct: int, budgets: Sequence[int]) -> Floats:
    """Return P(a correct one is among k of n samples drawn without replacement): 1 - C(n-c, k)/C(n, k)."""
    return np.array([1 - math.comb(n - correct, k) / math.comb(n, k) for k in budgets])


@lru_cache(maxsize=64)
def best_of_k_weights(n: int, budgets: tuple[int, ...]) -> Floats:
    """Return (budgets, n): P(the sample of rank r, 0 being the best, is the best of k drawn from n).

    It must be drawn, and the other k - 1 all rank below it: C(n-1-r, k-1)/C(n, k).
    """
    return np.array([[math.comb(n - 1 - rank, k - 1) / math.comb(n, k) for rank in range(n)] for k in budgets])


def _estimate(
    record: ProblemRecord, budgets: Sequence[int], aggregation: Aggregation, subsets: int, seed: int
) -> dict[str, Floats]:
    candidates = list(record.candidates)
    scored = any(c.values for c in candidates)
    return subsampled(
        _groups(candidates),
        [aggregate(c.values, aggregation) if c.values else math.nan for c in candidates] if scored else None,
        [c.correct for c in candidates],
        budgets,
        subsets=subsets,
        seed=[seed, zlib.crc32(record.id.encode())],  # by id: a problem's subsets do not depend on the others
    )


def _groups(candidates: Sequence[CandidateRecord]) -> list[int | None]:
    """Return the stored classes of equal answers; in older records, what can be said without a grader."""
    if all(candidate.group is not None for candidate in candidates if candidate.answer is not None):
        return [candidate.group for candidate in candidates]
    classes = classes_by_structure(candidate.answer for candidate in candidates if candidate.answer is not None)
    return [None if candidate.answer is None else classes[candidate.answer] for candidate in candidates]


def _subset_masks(n: int, budgets: tuple[int, ...], subsets: int, rng: np.random.Generator) -> list[Mask]:
    """Return subsets for each budget, (subsets, n): all of them where they are few, otherwise random ones."""
    shuffled = rng.random((subsets, n)).argsort(axis=1)
    masks = []
    for k in budgets:
        total = math.comb(n, k)
        if total > max(subsets, n):
            masks.append(shuffled < k)
            continue
        mask = np.zeros((total, n), dtype=np.bool_)
        np.put_along_axis(mask, np.array(list(combinations(range(n), k))), True, axis=1)
        masks.append(mask)
    return masks


def _best(groups: Ints, scores: Floats, flags: Floats, budgets: tuple[int, ...], masks: list[Mask]) -> Floats:
    """Mean grade of the best-scored sample: exact, or over the subsets where samples of different groups tie."""
    n = len(groups)
    usable = groups >= 0
    if len(set(zip(scores[usable], groups[usable], strict=True))) == len(set(scores[usable])):
        order = np.lexsort((-scores, ~usable))  # best first, unusable last
        exact: Floats = best_of_k_weights(n, budgets) @ np.where(usable, flags, 0.0)[order]
        return exact
    highest = []
    for mask in masks:
        present = np.where(mask & usable, scores, -np.inf)
        highest.append(mask & (present == present.max(axis=1, keepdims=True)))
    return _voted(groups, np.ones(n), flags, highest)


def _voted(groups: Ints, weights: Floats, flags: Floats, masks: list[Mask]) -> Floats:
    """Mean grade, over each budget's subsets, of the heaviest sample of the heaviest group."""
    n = len(groups)
    columns = np.argsort(groups, kind="stable")[np.count_nonzero(groups < 0) :]  # samples sorted by group
    if not len(columns):
        return np.zeros(len(masks))
    starts = np.flatnonzero(np.diff(groups[columns], prepend=-1))
    order = np.argsort(-weights, kind="stable")
    rank = np.argsort(order)
    by_rank = np.append(flags[order], 0.0)  # rank n: no sample, wrong
    means = []
    for mask in masks:
        present = mask[:, columns]  # (subsets, counting samples)
        leader = np.minimum.reduceat(np.where(present, rank[columns], n), starts, axis=1)  # (subsets, groups)
        votes = np.add.reduceat(present, starts, axis=1, dtype=np.int64)
        total = np.add.reduceat(np.where(present, weights[columns], 0.0), starts, axis=1)
        total[votes == 0] = -np.inf  # an absent group loses even to one whose scores are all 0
        largest = np.append(weights[order], -np.inf)[leader]
        winner = first_of_the_highest(total, votes, largest)
        means.append(by_rank[leader[np.arange(len(mask)), winner]].mean())
    return np.array(means)


def first_of_the_highest(*keys: NDArray[np.float64] | Ints) -> Ints:
    """Return along the last axis the place of the highest first key; ties go by the next key, at last to the left."""
    tied = np.ones(keys[0].shape, dtype=np.bool_)
    for key in keys:
        among = np.where(tied, key, -np.inf)
        tied &= among == among.max(axis=-1, keepdims=True)
    places: Ints = tied.argmax(axis=-1)
    return places
