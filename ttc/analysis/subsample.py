"""Accuracy at every smaller budget from one run's samples, unbiased, without running again.

A random subset of k of a problem's n independent samples is what a run with budget k would have drawn. Oracle and
best have closed forms; majority and weighted are averaged over random subsets. This holds only for strategies whose
samples are independent: beams and revisions at a smaller budget are not subsets of those at a larger one.
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
from ttc.grading import normalize_answer
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, SelectionRule, aggregate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
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
    rows = [_estimate(record, budgets, aggregation, subsets, seed) for record in records]
    # best and weighted need values for every problem
    names = [name for name in (*SelectionRule, ORACLE) if all(name in row for row in rows)]
    values = np.array([[row[name] for name in names] for row in rows])  # (problems, selections, budgets)
    found = intervals(values.reshape(len(rows), -1), resamples=resamples, seed=seed)
    cells = zip(product(names, budgets), found, strict=True)
    table = [(budget, str(name), i.mean, i.lo, i.hi, i.n) for (name, budget), i in cells]
    return pd.DataFrame(table, columns=["budget", "selection", "accuracy", "lo", "hi", "n"])


def subsampled(
    keys: Sequence[str | None],
    scores: Sequence[float] | None,
    correct: Sequence[bool],
    budgets: Sequence[int],
    *,
    subsets: int = SUBSETS,
    seed: int | Sequence[int] = 0,
) -> dict[str, Floats]:
    """Estimate one problem's accuracy at each of `budgets` from its n samples, by selection.

    Ties go to the earlier sample, as in `selection.select`. Exact where a budget has at most max(subsets, n) subsets.

    Args:
        keys: the normalised answers; None: no answer, never counts.
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
    if len(keys) != n or (scores is not None and len(scores) != n):
        raise ValueError("keys, scores and correct must have one entry per sample")
    if any(not 1 <= k <= n for k in budgets):
        raise ValueError(f"budgets must lie in 1 .. {n}, the number of samples, not {list(budgets)}")
    groups = _group_codes(keys)
    flags = np.where(groups >= 0, np.asarray(correct, dtype=np.float64), 0.0)
    masks = _subset_masks(n, tuple(budgets), subsets, np.random.default_rng(seed))
    result = {"majority": _voted(groups, np.ones(n), np.arange(n), flags, masks)}
    if scores is not None:
        weights = np.asarray(scores, dtype=np.float64)
        usable_groups = np.where(np.isnan(weights), -1, groups)
        order = np.lexsort((np.arange(n), -weights, usable_groups < 0))  # best first, unusable last
        rank = np.argsort(order)
        usable = np.where(usable_groups >= 0, flags, 0.0)
        result["best"] = best_of_k_weights(n, tuple(budgets)) @ usable[order]
        result["weighted"] = _voted(usable_groups, np.nan_to_num(weights), rank, flags, masks)
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
        [None if c.answer is None else normalize_answer(c.answer) for c in candidates],
        [aggregate(c.values, aggregation) if c.values else math.nan for c in candidates] if scored else None,
        [c.correct for c in candidates],
        budgets,
        subsets=subsets,
        seed=[seed, zlib.crc32(record.id.encode())],  # by id: a problem's subsets do not depend on the others
    )


def _group_codes(keys: Sequence[str | None]) -> Ints:
    """Number the distinct answers; -1 for none."""
    numbers: dict[str, int] = {}
    return np.array([-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _subset_masks(n: int, budgets: tuple[int, ...], subsets: int, rng: np.random.Generator) -> list[NDArray[np.bool_]]:
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


def _voted(groups: Ints, weights: Floats, rank: Ints, flags: Floats, masks: list[NDArray[np.bool_]]) -> Floats:
    """Mean grade, over each budget's subsets, of the best-ranked sample of the heaviest answer group."""
    n = len(groups)
    columns = np.argsort(groups, kind="stable")[np.count_nonzero(groups < 0) :]  # samples sorted by group
    if not len(columns):
        return np.zeros(len(masks))
    starts = np.flatnonzero(np.diff(groups[columns], prepend=-1))
    by_rank = np.append(flags[np.argsort(rank)], 0.0)  # rank n: no sample, wrong
    means = []
    for mask in masks:
        present = mask[:, columns]  # (subsets, counting samples)
        first = np.minimum.reduceat(np.where(present, columns, n), starts, axis=1)  # (subsets, groups)
        leader = np.minimum.reduceat(np.where(present, rank[columns], n), starts, axis=1)
        weight = np.add.reduceat(np.where(present, weights[columns], 0.0), starts, axis=1)
        weight[first == n] = -np.inf  # an absent group loses even to one whose scores are all 0
        heaviest = weight == weight.max(axis=1, keepdims=True)
        winner = np.where(heaviest, first, n + 1).argmin(axis=1)  # ties: seen first
        means.append(by_rank[leader[np.arange(len(mask)), winner]].mean())
    return np.array(means)
