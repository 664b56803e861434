"""FLOPs per problem of finished runs, and what smaller budgets of independent samples would have cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb

from ttc.cost import FlopsConvention, ModelShape
from ttc.runs.finding import Run
from ttc.runs.records import ProblemRecord


@dataclass(frozen=True)
class Shapes:
    """The sizes of the models of a run; None where they are unknown, or no verifier was asked."""

    generator: ModelShape | None
    verifier: ModelShape | None

    @classmethod
    def of(cls, run: Run) -> Shapes:
        """Return the sizes that a run recorded."""
        found: list[ModelShape | None] = []
        for name in ("generator", "prm"):
            try:
                found.append(ModelShape.from_json(run.summary["models"][name]["shape"]))
            except (KeyError, TypeError):
                found.append(None)
        return cls(*found)


def flops_of(records: Iterable[ProblemRecord]) -> dict[FlopsConvention, dict[str, float]]:
    """Return every problem's FLOPs, by the conventions that all problems know."""
    found = {}
    for convention in FlopsConvention:
        counts = {record.id: record.flops.by(convention) for record in records}
        known = {id_: float(count) for id_, count in counts.items() if count is not None}
        if len(known) == len(counts):
            found[convention] = known
    return found


def flops_of_subsets(
    records: Sequence[ProblemRecord], budget: int, shapes: Shapes
) -> dict[FlopsConvention, dict[str, float]]:
    """Return what `budget` of each problem's n samples would have cost on average.

    `paper` is proportional to the samples. By `full`, the first sample also pays for the prompt, which the others find
    in the cache, and the verifier reads equal solutions once.
    """
    found = flops_of(records)
    for convention, by_problem in found.items():
        for record in records:
            total, n = by_problem[record.id], len(record.candidates)
            share = budget / n * total
            if convention is FlopsConvention.full and shapes.generator is not None:
                share = _full(record, total, budget, shapes.generator, shapes.verifier)
            by_problem[record.id] = share
    return found


def distinct_in_subset(counts: Iterable[int], k: int) -> float:
    """Return the expected number of different texts among k samples drawn without replacement.

    Args:
        counts: how often each text occurs among all n samples.
        k: at most n.
    """
    counts = list(counts)
    n = sum(counts)
    return sum(1 - comb(n - count, k) / comb(n, k) for count in counts)


def _full(
    record: ProblemRecord, total: float, budget: int, generator: ModelShape, verifier: ModelShape | None
) -> float:
    n = len(record.candidates)
    sampled = _sampled(record, generator)
    first = _first_sample(record, generator)
    scored = total - sampled
    if verifier is None or not record.tokens.prm:
        scored_part = 0.0
    else:
        counts = Counter(candidate.text for candidate in record.candidates).values()
        read = (record.tokens.prm + record.tokens.prm_cached) // len(counts)
        alone = verifier.pass_flops(0, read)
        scored_part = _between(alone, scored, distinct_in_subset(counts, budget), len(counts))
    return _between(first, sampled, budget, n) + scored_part


def _between(first: float, total: float, part: float, whole: int) -> float:
    """Return the cost of `part` of `whole` equal pieces, of which the first costs `first`, and all `total`."""
    return total if whole == 1 else first + (part - 1) * (total - first) / (whole - 1)


def _sampled(record: ProblemRecord, generator: ModelShape) -> float:
    """Return the generator's FLOPs of all samples, each taken to be of their mean length."""
    n, tokens = len(record.candidates), record.tokens
    cached, prompt, decoded = tokens.cached // n, (tokens.cached + tokens.prompt) // n, tokens.decoded // n
    each = generator.pass_flops(cached, prompt + max(decoded - 1, 0))
    return n * each + 2 * generator.params_head * tokens.decoded


def _first_sample(record: ProblemRecord, generator: ModelShape) -> float:
    n, tokens = len(record.candidates), record.tokens
    prompt, decoded = (tokens.prompt + tokens.cached) // n, tokens.decoded // n
    return generator.pass_flops(0, prompt + max(decoded - 1, 0)) + 2 * generator.params_head * decoded
