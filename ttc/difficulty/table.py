"""Difficulties of problems as a table: what is measured from finished runs, predicted or learned, and what it cost."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ttc.cost import Flops
from ttc.errors import UserError
from ttc.files import read_json, write_json
from ttc.models import ModelId
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import Run
from ttc.runs.records import CandidateRecord, ProblemRecord
from ttc.terminal import printable_line

BINS = 5
INDEPENDENT = "pass@1"  # only runs of independent samples have this selection
HINT = "give a table that `ttc difficulty` wrote, or a JSON object {id: value}."


class DifficultyKind(StrEnum):
    """Where a difficulty comes from (Snell et al. 2024, section 3.2; `learned` is not in the paper)."""

    oracle = "oracle"  # pass@1, which needs the gold answers
    predicted = "predicted"  # the mean final value of a verifier
    learned = "learned"  # from the question alone


def quintiles(values: Mapping[str, float]) -> dict[str, int]:
    """Cut problems into five bins of equal count by a value in [0, 1]: 1 is the easiest (highest), 5 the hardest.

    Bin sizes differ by at most one. Ties are broken by a hash of the id: deterministic, and independent of subjects and
    levels, which ids often contain. Source: Snell et al. 2024, section 3.2.
    """
    ranked = ranking(values)
    return {id_: rank * BINS // len(ranked) + 1 for rank, id_ in enumerate(ranked)}


def ranking(values: Mapping[str, float]) -> list[str]:
    """Return the ids from the easiest problem to the hardest."""
    return sorted(values, key=lambda id_: (-values[id_], zlib.crc32(id_.encode("utf-8", "surrogatepass")), id_))


@dataclass(frozen=True)
class DifficultyTable:
    """A value per problem, high where it is easy.

    Attributes:
        kind: where the values come from.
        values: in [0, 1], by problem id.
        samples: per problem that they were measured from; None: from none.
        generations: per problem that finding them out took.
        flops: per problem that finding them out took.
        generator: that was sampled, or whose hidden states were read.
        verifier: whose values were averaged.
    """

    kind: DifficultyKind
    values: Mapping[str, float]
    samples: int | None = None
    generations: float = 0.0
    flops: Flops = field(default_factory=Flops)
    generator: ModelId | None = None
    verifier: ModelId | None = None

    def quintiles(self) -> dict[str, int]:
        """Return five bins of equal count."""
        return quintiles(self.values)

    def edges(self) -> tuple[float, ...]:
        """Return the four values between the quintiles, in falling order: the means of the neighbours' values.

        `bins` of these edges returns the quintiles, except for problems of equal value at an edge.
        """
        ranked = [self.values[id_] for id_ in ranking(self.values)]
        starts = [-(-number * len(ranked) // BINS) for number in range(1, BINS)]  # of bins 2 .. 5
        return tuple((ranked[max(start - 1, 0)] + ranked[min(start, len(ranked) - 1)]) / 2 for start in starts)

    def bins(self, edges: Sequence[float]) -> dict[str, int]:
        """Return bins by absolute thresholds in falling order: bin 1 holds the values of at least `edges[0]`."""
        return {id_: 1 + sum(value < edge for edge in edges) for id_, value in self.values.items()}

    def save(self, path: Path) -> None:
        """Write the table as JSON."""
        models = {"generator": self.generator, "prm": self.verifier}
        write_json(
            path,
            {
                "kind": str(self.kind),
                "samples": self.samples,
                "generations": self.generations,
                "flops": self.flops.to_json(),
                **{name: model.to_json() if model else None for name, model in models.items()},
                "values": dict(self.values),
            },
        )

    @classmethod
    def load(cls, path: Path) -> DifficultyTable:
        """Read a table. A plain JSON object {id: pass@1} is an oracle's.

        Raises:
            UserError: the file cannot be read, or holds something else.
        """
        given = read_json(path, hint=HINT)
        if not isinstance(given, dict) or not given:
            raise UserError(f"{path} is not a JSON object {{id: value}}; {HINT}")
        if not isinstance(given.get("values"), dict):
            return cls(DifficultyKind.oracle, _values(path, given))
        try:
            models = {name: given[name] and ModelId.from_json(given[name]) for name in ("generator", "prm")}
            flops = given["flops"]
            return cls(
                DifficultyKind(given["kind"]),
                _values(path, given["values"]),
                given["samples"],
                float(given["generations"]),
                Flops(flops["paper"], flops["full"]),
                models["generator"],
                models["prm"],
            )
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise UserError(f"{path} is not a table of difficulties ({reason}); {HINT}") from None


def measured_difficulty(kind: DifficultyKind, runs: Sequence[Run], samples: int | None = None) -> DifficultyTable:
    """Measure a difficulty from finished runs of independent samples; several seeds are pooled.

    `oracle` is pass@1, `predicted` the mean final value of the verifier, for which a solution without a value counts 0.

    Args:
        kind: oracle or predicted.
        runs: at least one.
        samples: use the first so many of each problem in each run; None: all.

    Raises:
        UserError: dependent samples, fewer of them than asked for, or no values.
    """
    if samples is not None and samples < 1:
        raise UserError(f"samples={samples}: must be at least 1 per problem; use e.g. 64.")
    totals: dict[str, list[float]] = {}
    spent: list[tuple[int, Flops]] = []
    for run in runs:
        for record in _independent_records(run, samples):
            chosen = record.candidates if samples is None else record.candidates[:samples]
            totals.setdefault(record.id, []).extend(_value(kind, candidate, run) for candidate in chosen)
            spent.append((len(chosen), _share(record.flops, len(chosen) / len(record.candidates))))
    values = {id_: math.fsum(own) / len(own) for id_, own in totals.items()}
    generations = sum(count for count, _ in spent) / len(values)
    flops = Flops(
        paper=_mean([found.paper for _, found in spent], len(values)),
        full=_mean([found.full for _, found in spent], len(values)),
    )
    generator, verifier = _models(runs[0])
    used = verifier if kind is DifficultyKind.predicted else None
    return DifficultyTable(kind, values, round(generations), generations, flops, generator, used)


def _share(flops: Flops, share: float) -> Flops:
    return Flops(
        paper=None if flops.paper is None else round(share * flops.paper),
        full=None if flops.full is None else round(share * flops.full),
    )


def _mean(counts: Sequence[int | None], problems: int) -> int | None:
    known = [count for count in counts if count is not None]
    return round(sum(known) / problems) if len(known) == len(counts) else None


def _independent_records(run: Run, samples: int | None) -> list[ProblemRecord]:
    if INDEPENDENT not in run.summary["selections"]:
        raise UserError(
            f"{run.directory} is not a run of independent samples; give one of strategy=majority or best_of_n."
        )
    files = RunDirectory(run.directory)
    files.refuse_mixture(run.summary)
    records = [record for record in files.records() if record.candidates]
    if not records:
        raise UserError(f"{run.directory} holds no candidates; give a finished run of strategy=best_of_n.")
    fewest = min(len(record.candidates) for record in records)
    if samples is not None and samples > fewest:
        raise UserError(f"samples={samples}: {run.directory} has {fewest} per problem; use at most {fewest}.")
    return records


def _value(kind: DifficultyKind, candidate: CandidateRecord, run: Run) -> float:
    if kind is DifficultyKind.oracle:
        return float(candidate.correct)
    if not candidate.values:
        raise UserError(
            f"{run.directory} has no verifier values, which predicted difficulty is made of; give a run of "
            "strategy=best_of_n."
        )
    return candidate.values[-1]


def _models(run: Run) -> tuple[ModelId | None, ModelId | None]:
    try:
        given = run.summary["models"]
        generator, verifier = (ModelId.from_json(given[name]) if given[name] else None for name in ("generator", "prm"))
    except (KeyError, TypeError):
        return None, None  # an older version wrote the run
    return generator, verifier


def _values(path: Path, given: Mapping[str, Any]) -> dict[str, float]:
    for id_, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            shown = (printable_line(repr(part), 80) for part in (id_, value))
            raise UserError("{}: {} has the value {}; it must be a number in [0, 1].".format(path, *shown))
    return {id_: float(value) for id_, value in given.items()}
