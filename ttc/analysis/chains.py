"""Chains of revisions: how good is the n-th attempt, and what does a revision do to a right or a wrong one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ttc.analysis.bootstrap import Interval, intervals
from ttc.analysis.records import ProblemRecord

TURNS = ("right_to_wrong", "wrong_to_right")


def has_chains(records: Sequence[ProblemRecord]) -> bool:
    """Do these records hold chains?"""
    return any(candidate.chain is not None for record in records for candidate in record.candidates)


def by_attempt(records: Sequence[ProblemRecord], *, seed: int = 0) -> list[Interval]:
    """Return pass@1 of the first attempt of a chain, of the second, ..: means over chains, intervals over problems.

    Source: Snell et al. 2024, figure 6 (left).
    """
    return intervals(_accuracies(records), seed=seed)


def attempt_outcomes(records: Sequence[ProblemRecord], number: int) -> dict[str, float]:
    """Return by problem the share of its chains whose attempt `number` (from 1) is right.

    Raises:
        KeyError: no chains, or shorter ones.
    """
    if number < 1 or not has_chains(records):
        raise KeyError(number)
    accuracies = _accuracies(records)
    if number > accuracies.shape[1]:
        raise KeyError(number)
    ids = sorted(record.id for record in records)
    return dict(zip(ids, accuracies[:, number - 1].tolist(), strict=True))


def gains(records: Sequence[ProblemRecord], *, seed: int = 0) -> dict[str, Interval]:
    """Return by how much pass@1 changes from attempt 1 to 4, from 4 to 16, ..: paired, intervals over problems."""
    accuracies = _accuracies(records)
    marks = [4**power for power in range(accuracies.shape[1].bit_length()) if 4**power <= accuracies.shape[1]]
    pairs = [*pairwise(marks)]
    if not pairs:
        return {}
    changes = np.stack([accuracies[:, late - 1] - accuracies[:, early - 1] for early, late in pairs], axis=1)
    names = [f"{early} to {late}" for early, late in pairs]
    return dict(zip(names, intervals(changes, seed=seed), strict=True))


def turns(records: Sequence[ProblemRecord], *, resamples: int = 4000, seed: int = 0) -> dict[str, Interval | None]:
    """Return the shares of right attempts that the next revision turns wrong, and of wrong ones that it turns right.

    Shares of all revisions of such attempts, with intervals over problems; None where there was none.
    """
    counts = np.array([_turned(record) for record in sorted(records, key=lambda record: record.id)])  # (problems, 4)
    draws = np.random.default_rng(seed).integers(0, len(counts), size=(resamples, len(counts)))
    sums = counts[draws].sum(axis=1)  # (resamples, 4)
    found: dict[str, Interval | None] = {}
    for name, turned, tried in zip(TURNS, (0, 2), (1, 3), strict=True):
        total = counts[:, tried].sum()
        if not total:
            found[name] = None
            continue
        shares = sums[:, turned] / np.maximum(sums[:, tried], 1)
        lo, hi = np.quantile(shares, [0.025, 0.975])
        found[name] = Interval(float(counts[:, turned].sum() / total), float(lo), float(hi), int(total))
    return found


def told_of_chains(records: Sequence[ProblemRecord]) -> dict[str, Any]:
    """Return what summary.json says of chains: nothing where there are none."""
    if not has_chains(records):
        return {}
    turned = {k: i and {"share": i.mean, "ci95": [i.lo, i.hi], "n": i.n} for k, i in turns(records).items()}
    gained = {k: {"mean": i.mean, "ci95": [i.lo, i.hi], "n": i.n} for k, i in gains(records).items()}
    return {"turned": turned, "gained": gained}


def _accuracies(records: Sequence[ProblemRecord]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(problems by id, attempts): the share of a problem's chains whose n-th attempt is right."""
    rows = []
    for record in sorted(records, key=lambda record: record.id):
        chains = list(_chains(record))
        length = min(map(len, chains))
        rows.append(np.mean([chain[:length] for chain in chains], axis=0))
    length = min(map(len, rows))
    return np.array([row[:length] for row in rows])


def _turned(record: ProblemRecord) -> tuple[int, int, int, int]:
    """Right attempts turned wrong, right attempts revised, wrong attempts turned right, wrong attempts revised."""
    revisions = [pair for chain in _chains(record) for pair in pairwise(chain)]
    after_right = [after for before, after in revisions if before]
    after_wrong = [after for before, after in revisions if not before]
    return after_right.count(False), len(after_right), after_wrong.count(True), len(after_wrong)


def _chains(record: ProblemRecord) -> Iterator[list[bool]]:
    """The verdicts of each chain, in the order of making."""
    chains: dict[int, list[bool]] = {}
    for candidate in record.candidates:
        if candidate.chain is not None:
            chains.setdefault(candidate.chain, []).append(candidate.correct)
    yield from chains.values()
