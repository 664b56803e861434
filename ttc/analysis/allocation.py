"""One total budget, divided among problems by predicted marginal gain (Damani et al. 2024, arXiv 2410.04707).

A total of N means N generations per problem on average and counts all of them, the probes included: they are the first
samples of best-of-N, which a run replays from its store.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ttc.analysis.marginal_gain import LearnedCurves, Prediction, beta_predictions, probe_values
from ttc.analysis.prefixes import Floats, accuracy_by_budget
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation


def allocated(
    predictions: Mapping[str, Prediction], total: int, *, probes: int, most: int | None = None
) -> dict[str, int]:
    """Return the budgets with the largest sum of predicted results, by problem id.

    They sum to at most `total` per problem, and to exactly that unless all problems reach what is predicted for them or
    `most`. Each generation goes where the next gain is largest; that is optimal because a problem's gains never rise.
    Ties go to the smaller budget, then by a hash of the id.

    Args:
        predictions: by problem id.
        total: generations per problem, on average.
        probes: generations that each problem gets at least.
        most: generations that a problem gets at most; None: any number.
    """
    budgets = dict.fromkeys(predictions, probes)
    gains = {id_: prediction.gains() for id_, prediction in predictions.items()}
    queue: list[tuple[float, int, int, str]] = []

    def queue_next(id_: str) -> None:
        gain = next(gains[id_], None)
        if gain is not None and (most is None or budgets[id_] < most):
            heapq.heappush(queue, (-gain, budgets[id_], zlib.crc32(id_.encode("utf-8", "surrogatepass")), id_))

    for id_ in predictions:
        queue_next(id_)
    for _ in range((total - probes) * len(predictions)):
        if not queue:
            break
        *_, id_ = heapq.heappop(queue)
        budgets[id_] += 1
        queue_next(id_)
    return budgets


def predicted_mean(predictions: Mapping[str, Prediction], budgets: Mapping[str, int], probes: int) -> float:
    """Return the mean of the results that are predicted at `budgets`."""
    return float(np.mean([predictions[id_].after(budget - probes) for id_, budget in budgets.items()]))


def predictions_of(
    records: Sequence[ProblemRecord], probes: int, aggregation: Aggregation, learned: LearnedCurves | None = None
) -> dict[str, Prediction]:
    """Predict every problem's gains from its first `probes` samples; the gold answers are not read.

    Without `learned`, the verifier's values are taken for probabilities, and coverage is predicted.
    """
    values = {record.id: probe_values(record, probes, aggregation) for record in records}
    if learned is None:
        return beta_predictions(values)
    everywhere = float(np.mean(learned.means))  # where no probe was scored
    return {id_: learned.predict(float(np.mean(own)) if own else everywhere) for id_, own in values.items()}


def learned_from(records: Sequence[ProblemRecord], probes: int, aggregation: Aggregation, most: int) -> LearnedCurves:
    """Measure the accuracy of best-of-N weighted by budget, up to `most`, on problems with gold answers."""
    values = {record.id: probe_values(record, probes, aggregation) for record in records}
    scored = [record for record in records if values[record.id]]
    curves = accuracy_by_problem(scored, probes, aggregation, most)
    return LearnedCurves(
        np.array([np.mean(values[record.id]) for record in scored]),
        np.array([curves[record.id][probes - 1 :] for record in scored]),
    )


def accuracy_by_problem(
    records: Sequence[ProblemRecord], probes: int, aggregation: Aggregation, most: int
) -> dict[str, Floats]:
    """Return the expected accuracy of best-of-N weighted with 1 .. `most` samples, probes first, by problem id."""
    return {record.id: accuracy_by_budget(record, probes, aggregation, most=most) for record in records}


def outcomes_at(curves: Mapping[str, Floats], budgets: Mapping[str, int]) -> dict[str, float]:
    """Return each problem's expected accuracy at its budget."""
    return {id_: float(curves[id_][budget - 1]) for id_, budget in budgets.items()}
