"""Accuracy of the weighted vote at every budget of one run whose first samples are kept.

A controller that looks at the first samples of a problem and then draws more keeps what it has seen. Its accuracy is
therefore averaged over random orders of the remaining samples behind those first ones. Given the first samples this is
unbiased for independent samples, whatever was decided by looking at them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.subsample import SUBSETS, first_of_the_highest
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, aggregate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_CELLS = 2**20  # orders x samples x groups held at once


def accuracy_by_budget(
    record: ProblemRecord,
    kept: int,
    aggregation: Aggregation,
    *,
    most: int | None = None,
    orders: int = SUBSETS,
    seed: int = 0,
) -> Floats:
    """Return a problem's expected accuracy with 1 .. `most` of its independent samples, the first `kept` in front."""
    candidates = record.candidates
    return weighted_by_budget(
        [None if candidate.answer is None else candidate.group for candidate in candidates],
        [aggregate(candidate.values, aggregation) if candidate.values else np.nan for candidate in candidates],
        [candidate.correct for candidate in candidates],
        kept,
        most=most,
        orders=orders,
        seed=[seed, zlib.crc32(record.id.encode())],  # by id: a problem's orders do not depend on the others
    )


def weighted_by_budget(
    groups: Sequence[int | None],
    scores: Sequence[float],
    correct: Sequence[bool],
    kept: int,
    *,
    most: int | None = None,
    orders: int = SUBSETS,
    seed: int | Sequence[int] = 0,
) -> Floats:
    """Return the expected accuracy of best-of-k weighted for k = 1 .. most: (most,).

    Ties are decided as in `selection.select`.

    Args:
        groups: the class of each sample's answer; None: no answer, never counts.
        scores: of the samples; NaN: not scored, never counts.
        correct: the samples' grades.
        kept: how many samples keep their places at the front; the others are shuffled behind them.
        most: the largest budget; None: all samples.
        orders: how many random orders to average over.
        seed: of the orders.
    """
    n = len(correct)
    most = n if most is None else most
    codes = np.array([-1 if group is None else group for group in groups], dtype=np.int64)
    weights = np.asarray(scores, dtype=np.float64)
    codes[np.isnan(weights)] = -1
    weights = np.nan_to_num(weights)
    present = np.unique(codes[codes >= 0])
    if not len(present):
        return np.zeros(most)
    member = codes[:, None] == present  # (n, groups)
    block = max(1, _CELLS // (most * len(present)))
    shuffled = _orders(n, kept, orders, np.random.default_rng(seed))[:, :most]
    right = np.zeros(most)
    for start in range(0, orders, block):
        right += _graded(shuffled[start : start + block], member, weights, np.asarray(correct, dtype=np.float64))
    return right / orders


def _orders(n: int, kept: int, count: int, rng: np.random.Generator) -> Ints:
    """Return random orders of n samples whose first `kept` stay in place, (count, n)."""
    first = np.broadcast_to(np.arange(kept), (count, kept))
    return np.concatenate([first, kept + rng.random((count, n - kept)).argsort(axis=1)], axis=1)


def _graded(orders: Ints, member: NDArray[np.bool_], weights: Floats, correct: Floats) -> Floats:
    """Return how many of the orders, (orders, most), are answered correctly by their first 1 .. most samples."""
    n = len(weights)
    heaviest_first = np.argsort(-weights, kind="stable")
    rank = np.argsort(heaviest_first)
    drawn = member[orders]  # (orders, most, groups)
    votes = drawn.cumsum(axis=1)
    total = np.where(drawn, weights[orders][..., None], 0.0).cumsum(axis=1)
    leader = np.minimum.accumulate(np.where(drawn, rank[orders][..., None], n), axis=1)  # the heaviest sample's rank
    total[votes == 0] = -np.inf  # an absent group loses even to one whose scores are all 0
    by_rank = np.append(weights[heaviest_first], -np.inf)
    winner = first_of_the_highest(total, votes, by_rank[leader])
    chosen = np.take_along_axis(leader, winner[..., None], axis=2)[..., 0]  # (orders, most)
    graded: Floats = np.append(correct[heaviest_first], 0.0)[chosen].sum(axis=0)
    return graded
