"""Difficulties of problems as a table: what is measured from finished runs, predicted or learned, and what it cost."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ttc.cost import Flops
from ttc.difficulty.samples import ALL, Samples, read_samples, scaled
from ttc.errors import UserError
from ttc.files import read_json, write_json
from ttc.models import ModelId
from ttc.runs.finding import Run
from ttc.terminal import printable_line

BINS = 5
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


def check_thresholds(key: str, thresholds: Sequence[float]) -> None:
    """Refuse what cannot be the four values between five bins.

    Raises:
        UserError: they are not falling numbers in (0, 1), one fewer than there are bins.
    """
    falling = all(high > low for high, low in zip([1.0, *thresholds], [*thresholds, 0.0], strict=True))
    if len(thresholds) != BINS - 1 or not falling:
        raise UserError(
            f"{key}: must be {BINS - 1} falling numbers between 0 and 1; use e.g. [0.8,0.6,0.4,0.2], or none for "
            "quintiles."
        )


def as_thresholds(text: str) -> tuple[float, ...]:
    """Return the thresholds of `--thresholds 0.8,0.6,0.4,0.2`.

    Raises:
        UserError: it holds something else.
    """
    try:
        thresholds = tuple(map(float, text.strip("[]").split(",")))
    except ValueError:
        thresholds = ()
    check_thresholds(f"--thresholds {text}", thresholds)
    return thresholds


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
                _count("samples", given["samples"]),
                float(given["generations"]),
                Flops(_count("flops", flops["paper"]), _count("flops", flops["full"])),
                models["generator"],
                models["prm"],
            )
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise UserError(f"{path} is not a table of difficulties ({reason}); {HINT}") from None


def measured_difficulty(
    kind: DifficultyKind, runs: Sequence[Run], samples: int | None = None, part: slice = ALL
) -> DifficultyTable:
    """Measure a difficulty from finished runs of independent samples; several seeds are pooled.

    `oracle` is pass@1, `predicted` the mean final value of the verifier over the solutions that have one.

    Args:
        kind: oracle or predicted.
        runs: at least one.
        samples: use the first so many of each problem in each run; None: all.
        part: of those, e.g. every other one.

    Raises:
        UserError: dependent samples, fewer of them than asked for, no values, or runs that cannot be pooled.
    """
    return difficulty_of(kind, read_samples(runs, samples, part))


def difficulty_of(kind: DifficultyKind, samples: Samples) -> DifficultyTable:
    """Return the oracle or predicted difficulty that samples show.

    Raises:
        UserError: predicted difficulty of samples without values.
    """
    predicted = kind is DifficultyKind.predicted
    return DifficultyTable(
        kind,
        samples.mean_values() if predicted else samples.pass1(),
        round(samples.per_problem),
        samples.per_problem,
        scaled(samples.flops, 1 / len(samples.grades)),
        samples.generator,
        samples.verifier if predicted else None,
    )


def _count(name: str, value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(f"{name}={value!r:.80} must be a whole number or null")
    return value


def _values(path: Path, given: Mapping[str, Any]) -> dict[str, float]:
    if not given:
        raise UserError(f"{path} has no values; {HINT}")
    for id_, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            shown = (printable_line(repr(part), 80) for part in (id_, value))
            raise UserError("{}: {} has the value {}; it must be a number in [0, 1].".format(path, *shown))
    return {id_: float(value) for id_, value in given.items()}
