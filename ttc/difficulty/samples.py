"""Independent samples of finished runs: what oracle and predicted difficulty are measured from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.cost import Flops
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import Run
from ttc.runs.records import CandidateRecord, ProblemRecord

INDEPENDENT = "pass@1"  # only runs of independent samples have this selection


@dataclass(frozen=True)
class Samples:
    """Independent samples of one generator.

    Attributes:
        source: the run that they are from, or the first of several; for messages.
        grades: whether each sample is correct, by problem id, in the order of the draws; never empty.
        finals: the verifier's final value of each sample; None where it has none.
        flops: of all samples together; what scored them is included.
        generator: that was sampled.
        verifier: that gave the values.
    """

    source: Path
    grades: Mapping[str, Sequence[bool]]
    finals: Mapping[str, Sequence[float | None]]
    flops: Flops
    generator: ModelId | None = None
    verifier: ModelId | None = None

    @property
    def per_problem(self) -> float:
        """The mean number of samples of a problem."""
        return sum(map(len, self.grades.values())) / len(self.grades)

    @property
    def has_values(self) -> bool:
        """Whether a verifier scored any sample."""
        return any(value is not None for values in self.finals.values() for value in values)

    def pass1(self) -> dict[str, float]:
        """Return each problem's share of correct samples."""
        return {id_: math.fsum(grades) / len(grades) for id_, grades in self.grades.items()}

    def mean_values(self) -> dict[str, float]:
        """Return each problem's mean final value.

        It is 0 where no sample has a value, e.g. since all of them exceed the verifier's context.

        Raises:
            UserError: no sample of any problem has a value.
        """
        if not self.has_values:
            raise UserError(
                f"{self.source} has no verifier values, which predicted difficulty is made of; give a run of "
                "strategy=best_of_n."
            )
        return {id_: mean_value(finals) or 0.0 for id_, finals in self.finals.items()}


def mean_value(finals: Sequence[float | None]) -> float | None:
    """Return the mean of the values that there are; None if there are none."""
    known = [value for value in finals if value is not None]
    return math.fsum(known) / len(known) if known else None


def final_value(candidate: CandidateRecord) -> float | None:
    """Return the verifier's value of a whole solution, or of what there is of an unfinished one; None: it has none."""
    value = candidate.values[-1] if candidate.values else math.nan
    return value if math.isfinite(value) else None


def scaled(flops: Flops, factor: float) -> Flops:
    """Return a multiple of FLOPs; what is unknown stays unknown."""
    return Flops(
        paper=None if flops.paper is None else round(factor * flops.paper),
        full=None if flops.full is None else round(factor * flops.full),
    )


ALL = slice(None)


def read_samples(runs: Sequence[Run], samples: int | None = None, part: slice = ALL) -> Samples:
    """Read the first `samples` of each problem in each run (None: all); the samples of several seeds are pooled.

    Args:
        runs: at least one.
        samples: of each problem in each run.
        part: of those, e.g. every other one: the rest shares no sampling noise with them.

    Raises:
        UserError: dependent samples, fewer of them than asked for, or runs that cannot be pooled.
    """
    if samples is not None and samples < 1:
        raise UserError(f"samples={samples}: must be at least 1 per problem; use e.g. 64.")
    grades: dict[str, list[bool]] = {}
    finals: dict[str, list[float | None]] = {}
    spent: list[Flops] = []
    drawn: dict[tuple[object, str], Run] = {}
    for run in runs:
        _refuse_other_models(runs[0], run)
        for record in _independent_records(run, samples):
            if (other := drawn.setdefault((run.summary.get("seed"), record.id), run)) is not run:
                raise UserError(
                    f"{run.directory} has the seed of {other.directory}, and so the same samples; give only the larger."
                )
            chosen = record.candidates[:samples][part]
            grades.setdefault(record.id, []).extend(candidate.correct for candidate in chosen)
            finals.setdefault(record.id, []).extend(map(final_value, chosen))
            spent.append(scaled(record.flops, len(chosen) / len(record.candidates)))
    flops = Flops(_total([found.paper for found in spent]), _total([found.full for found in spent]))
    known = {id_: own for id_, own in grades.items() if own}
    return Samples(runs[0].directory, known, {id_: finals[id_] for id_ in known}, flops, *_models(runs[0]))


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _independent_records(run: Run, samples: int | None) -> list[ProblemRecord]:
    if INDEPENDENT not in run.summary["selections"]:
        raise UserError(
            f"{run.directory} is not a run of independent samples; give one of strategy=majority or best_of_n."
        )
    records = [record for record in run.records if record.candidates]
    if not records:
        raise UserError(f"{run.directory} holds no candidates; give a finished run of strategy=best_of_n.")
    fewest = min(len(record.candidates) for record in records)
    if samples is not None and samples > fewest:
        raise UserError(f"samples={samples}: {run.directory} has {fewest} per problem; use at most {fewest}.")
    return records


def _refuse_other_models(first: Run, run: Run) -> None:
    """Refuse to pool the samples of two generators, or the values of two verifiers."""
    for name, ours, theirs in zip(("generator", "prm"), _models(first), _models(run), strict=True):
        same = first.summary.get(name) == run.summary.get(name)
        if ours is not None and theirs is not None:
            same = ours.fingerprint == theirs.fingerprint
        if not same:
            raise UserError(f"{first.directory} and {run.directory} differ in {name}; give runs that share it.")


def _models(run: Run) -> tuple[ModelId | None, ModelId | None]:
    try:
        given = run.summary["models"]
        generator, verifier = (ModelId.from_json(given[name]) if given[name] else None for name in ("generator", "prm"))
    except (KeyError, TypeError):
        return None, None  # an older version wrote the run
    return generator, verifier
