"""Chains of revisions: how good is the n-th attempt, and what does a revision do to a correct or a wrong one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttc.analysis.intervals import DIFFERENCES, EQUAL_WITHIN, Interval, intervals, unanimous_interval
from ttc.runs.records import ProblemRecord

TURNS = ("right_to_wrong", "wrong_to_right")


def has_chains(records: Sequence[ProblemRecord]) -> bool:
    """Whether these records contain chains of revisions only: a controller's begin with samples that revise nothing."""
    return any(candidate.chain is not None for record in records for candidate in record.candidates) and not any(
        record.route is not None for record in records
    )


def accuracy_by_attempt(records: Sequence[ProblemRecord], *, seed: int = 0) -> list[Interval]:
    """Return pass@1 of the first attempt of a chain, of the second, ..: means over chains, intervals over problems.

    Source: Snell et al. 2024, figure 6 (left).
    """
    return intervals(_accuracies(records), seed=seed)


def attempt_outcomes(records: Sequence[ProblemRecord], number: int) -> dict[str, float]:
    """Return by problem the share of its chains whose attempt `number` (from 1) is correct.

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
    """Return the change of pass@1 from attempt 1 to 4, from 4 to 16, ..: paired, with intervals over problems."""
    accuracies = _accuracies(records)
    marks = [4**power for power in range(accuracies.shape[1].bit_length()) if 4**power <= accuracies.shape[1]]
    pairs = [*pairwise(marks)]
    if not pairs:
        return {}
    changes = np.stack([accuracies[:, late - 1] - accuracies[:, early - 1] for early, late in pairs], axis=1)
    names = [f"{early} to {late}" for early, late in pairs]
    return dict(zip(names, intervals(changes, bounds=DIFFERENCES, seed=seed), strict=True))


def turns(records: Sequence[ProblemRecord], *, resamples: int = 4000, seed: int = 0) -> dict[str, Interval | None]:
    """Return the shares of correct attempts that the next revision turns wrong, and of wrong ones that it corrects.

    Shares of all revisions of such attempts, with intervals over problems; None where there was none.
    """
    counts = np.array([_turn_counts(record) for record in sorted(records, key=lambda record: record.id)])  # (P, 4)
    draws = np.random.default_rng(seed).integers(0, len(counts), size=(resamples, len(counts)))
    sums = counts[draws].sum(axis=1)  # (resamples, 4)
    found: dict[str, Interval | None] = {}
    for name, turned, tried in zip(TURNS, (0, 2), (1, 3), strict=True):
        total = int(counts[:, tried].sum())
        if not total:
            found[name] = None
            continue
        lo, hi = np.quantile(sums[:, turned] / np.maximum(sums[:, tried], 1), [0.025, 0.975])
        share = float(counts[:, turned].sum() / total)
        if share in (0, 1) or hi - lo <= EQUAL_WITHIN:
            edge = unanimous_interval(share, int(np.count_nonzero(counts[:, tried])))
            lo, hi = edge.lo, edge.hi
        found[name] = Interval(share, float(lo), float(hi), total)
    return found


def chain_summary(records: Sequence[ProblemRecord]) -> dict[str, Any]:
    """Return the part of summary.json about chains; empty where there are none."""
    if not has_chains(records):
        return {}
    turned = {k: i and {"share": i.mean, "ci95": [i.lo, i.hi], "n": i.n} for k, i in turns(records).items()}
    gained = {k: {"mean": i.mean, "ci95": [i.lo, i.hi], "n": i.n} for k, i in gains(records).items()}
    return {"turned": turned, "gained": gained}


def _accuracies(records: Sequence[ProblemRecord]) -> NDArray[np.float64]:
    """Return (problems by id, attempts): the share of a problem's chains whose n-th attempt is correct."""
    rows = []
    for record in sorted(records, key=lambda record: record.id):
        chains = list(_chains(record))
        length = min(map(len, chains))
        rows.append(np.mean([chain[:length] for chain in chains], axis=0))
    length = min(map(len, rows))
    return np.array([row[:length] for row in rows])


def _turn_counts(record: ProblemRecord) -> tuple[int, int, int, int]:
    """Return the correct attempts turned wrong, correct attempts revised, wrong attempts corrected, wrong revised."""
    revisions = [pair for chain in _chains(record) for pair in pairwise(chain)]
    after_correct = [after for before, after in revisions if before]
    after_wrong = [after for before, after in revisions if not before]
    return after_correct.count(False), len(after_correct), after_wrong.count(True), len(after_wrong)


def _chains(record: ProblemRecord) -> Iterator[list[bool]]:
    """Yield the verdicts of each chain, in the order in which its attempts were made."""
    chains: dict[int, list[bool]] = {}
    for candidate in record.candidates:
        if candidate.chain is not None:
            chains.setdefault(candidate.chain, []).append(candidate.correct)
    yield from chains.values()
