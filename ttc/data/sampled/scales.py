"""Scores of any scale become values in [0, 1], in which verifiers' values are stored and votes are weighted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ttc.data.sampled.rows import SampledProblem
from ttc.errors import UserError
from ttc.terminal import printable_line


class Scale(StrEnum):
    """What scores are.

    `auto`: probabilities, if all lie in [0, 1]; else logits, or `raw` where the sigmoid makes different ones equal.
    """

    auto = "auto"
    probability = "probability"
    logit = "logit"
    raw = "raw"  # rewards of any scale: shifted and stretched to [0, 1]
    none = "none"  # ignored


@dataclass(frozen=True)
class Scaling:
    """How scores become values.

    Attributes:
        scale: what the scores are; none: there are none.
        value: of a score; never decreasing, so that the best stays the best.
        note: for the reader; None: nothing was changed.
    """

    scale: Scale
    value: Callable[[float], float] = float
    note: str | None = None


def scaling_of(problems: Sequence[SampledProblem], asked: Scale) -> Scaling:
    """Choose how the scores of all problems become values.

    Raises:
        UserError: only a part of the completions has scores, or they are not what was asked.
    """
    scores = {score for problem in problems for completion in problem.completions for score in completion.scores}
    if asked is Scale.none or not scores:
        if asked not in (Scale.auto, Scale.none):
            raise UserError(f"--scores {asked}: the rows have no scores; leave it out.")
        return Scaling(Scale.none)
    _refuse_gaps(problems)
    low, high = min(scores), max(scores)
    if asked is Scale.probability and not 0 <= low <= high <= 1:
        raise UserError(
            f"--scores probability: the scores go from {low:g} to {high:g}; a probability is 0 to 1: use --scores "
            "logit or raw."
        )
    if asked is Scale.probability or (asked is Scale.auto and 0 <= low <= high <= 1):
        return Scaling(Scale.probability)
    merged = len(scores) - len(set(map(sigmoid, scores)))
    if asked is Scale.raw or (asked is Scale.auto and merged):
        note = f"scores from {low:g} to {high:g} are stretched to 0 .. 1, which keeps their order"
        return Scaling(Scale.raw, lambda score: _stretched(score, low, high), note)
    note = f"scores from {low:g} to {high:g} are taken for logits: their sigmoid is the value, which keeps their order"
    if merged:
        note += f", but makes {merged:,} of {len(scores):,} equal to others (--scores raw does not)"
    return Scaling(Scale.logit, sigmoid, note)


def sigmoid(score: float) -> float:
    """Return the probability of a logit, however large."""
    small = math.exp(-abs(score))
    return 1 / (1 + small) if score >= 0 else small / (1 + small)


def _stretched(score: float, low: float, high: float) -> float:
    width = high / 2 - low / 2  # halves: the difference itself may overflow
    return (score / 2 - low / 2) / width if width else 0.5


def _refuse_gaps(problems: Sequence[SampledProblem]) -> None:
    for problem in problems:
        for number, completion in enumerate(problem.completions):
            if not completion.scores:
                raise UserError(
                    f"completion {number + 1} of problem {printable_line(repr(problem.problem.id), 80)} has no score, "
                    "but others have; add it, or ignore all scores by --scores none."
                )
