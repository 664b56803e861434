"""Finished runs as curves: each strategy's result and cost per problem, by budget, averaged over seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ttc.analysis.accuracy import PASS1, outcomes_by_problem
from ttc.analysis.intervals import over_seeds
from ttc.analysis.subsample import SUBSETS, outcomes_at_budgets
from ttc.analysis.subset_costs import Shapes, flops_of, flops_of_subsets
from ttc.cost import FlopsConvention
from ttc.errors import UserError
from ttc.models import ModelId
from ttc.runs.finding import Run
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation
from ttc.terminal import printable_line

ByProblem = Mapping[str, float]


class Family(StrEnum):
    """What a strategy spends its budget on: sampling under a verifier's guidance, or revising earlier attempts."""

    search = "search"
    revisions = "revisions"


@dataclass(frozen=True)
class Point:
    """One strategy at one budget, by problem id; means over `seeds` seeds.

    Attributes:
        outcomes: accuracy in [0, 1].
        generations: spent.
        flops: by convention; empty where a run does not know them.
    """

    outcomes: ByProblem
    generations: ByProblem
    flops: Mapping[FlopsConvention, ByProblem]
    seeds: int


@dataclass(frozen=True)
class Curve:
    """One strategy under one selection, at every budget that was run or follows from subsets of its samples.

    Attributes:
        label: the strategy's name and the settings in which it differs from the others of its class.
        config: its class, as `_target_`, and its settings.
        points: by budget in generations.
        quintiles: the bin of each problem, as its runs recorded it.
    """

    label: str
    selection: str
    config: Mapping[str, Any]
    family: Family
    generator: ModelId
    verifier: ModelId | None
    points: Mapping[int, Point]
    quintiles: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Measured:
    """What one run says about one budget."""

    outcomes: ByProblem
    generations: ByProblem
    flops: Mapping[FlopsConvention, ByProblem]


@dataclass(frozen=True)
class _Source:
    """The runs of one strategy with the same models: they differ in budget and seed."""

    config: Mapping[str, Any]
    models: tuple[ModelId, ModelId | None]
    runs: Sequence[Run]


def read_curves(
    runs: Sequence[Run],
    selections: Sequence[str] = (),
    *,
    subsets: int = SUBSETS,
    on_run: Callable[[Run], None] = lambda run: None,
) -> list[Curve]:
    """Return a curve for each strategy among the runs and each selection; without any, the runs' own.

    Runs of independent samples give every power of two up to their budget by unbiased subsets; other runs the budgets
    at which they were run.

    Args:
        runs: finished, in any order; the same run given twice counts once.
        selections: majority, best, weighted, hierarchical or oracle.
        subsets: how many random subsets a smaller budget is averaged over.
        on_run: called with each run after it was read.

    Raises:
        UserError: runs of different data, of an older ttc, or without a selection.
    """
    golds = _Golds()
    curves = []
    sources = _sources(runs)
    labels = _labels([source.config for source in sources])
    for source, label in zip(sources, labels, strict=True):
        names = selections or list(dict.fromkeys(str(run.summary["selection"]) for run in source.runs))
        points: dict[str, dict[int, list[_Measured]]] = {name: {} for name in names}
        family, quintiles = Family.search, dict[str, int]()
        for run in _needed(source.runs):
            records = _records(run)
            golds.check(run, records)
            quintiles |= {record.id: record.quintile for record in records if record.quintile is not None}
            if any(candidate.chain is not None for candidate in records[0].candidates):
                family = Family.revisions
            for name in names:
                for budget, measured in _measured(run, records, name, subsets):
                    points[name].setdefault(budget, []).append(measured)
            on_run(run)
        for name in names:
            found = {budget: _averaged(points[name][budget]) for budget in sorted(points[name])}
            curves.append(Curve(label, name, source.config, family, *source.models, found, quintiles))
    return curves


def models_of(run: Run) -> tuple[ModelId, ModelId | None]:
    """Return the generator and the verifier of a run.

    Raises:
        UserError: an older ttc wrote it.
    """
    try:
        generator, verifier = run.summary["models"]["generator"], run.summary["models"]["prm"]
        return ModelId.from_json(generator), None if verifier is None else ModelId.from_json(verifier)
    except (KeyError, TypeError, AttributeError):
        raise _older(run) from None


def _sources(runs: Sequence[Run]) -> list[_Source]:
    """Group runs by strategy, models and aggregation, in the order of their first runs."""
    groups: dict[str, tuple[Mapping[str, Any], tuple[ModelId, ModelId | None], dict[tuple[int, int], Run]]] = {}
    for run in runs:
        config, models = run.summary.get("strategy_config"), models_of(run)
        if not isinstance(config, dict) or "_target_" not in config:
            raise _older(run)
        if run.summary.get("budget_table"):
            raise UserError(f"{run.directory} gave each problem a budget of its own (budget_table); leave it out.")
        prints = [model.fingerprint if model else None for model in models]
        key = json.dumps([config, prints, run.summary.get("aggregation")], sort_keys=True, default=str)
        _, _, members = groups.setdefault(key, (config, models, {}))
        members.setdefault((run.summary["budget"], run.summary["seed"]), run)
    return [_Source(config, models, [*members.values()]) for config, models, members in groups.values()]


def _older(run: Run) -> UserError:
    return UserError(
        f"{run.directory} does not say which strategy and models made it: an older ttc wrote it; run the experiment "
        "again (its stored replies make that quick)."
    )


def _needed(runs: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs to read: of independent samples only the largest of each seed, which contains the others."""
    largest: dict[int, Run] = {}
    for run in runs:
        if PASS1 not in run.summary["selections"]:
            yield run
        elif run.summary["budget"] > largest.setdefault(run.summary["seed"], run).summary["budget"]:
            largest[run.summary["seed"]] = run
    yield from largest.values()


def _records(run: Run) -> list[ProblemRecord]:
    return sorted(run.read_records(), key=lambda record: record.id)


def _measured(
    run: Run, records: Sequence[ProblemRecord], selection: str, subsets: int
) -> Iterator[tuple[int, _Measured]]:
    """Yield what a run says, by budget."""
    budget = int(run.summary["budget"])
    if PASS1 not in run.summary["selections"]:
        outcomes = _outcomes(run, records, selection)
        yield budget, _Measured(outcomes, {r.id: r.generations for r in records}, flops_of(records))
        return
    largest = min(len(record.candidates) for record in records)
    budgets = sorted({2**k for k in range(largest.bit_length()) if 2**k <= largest} | {largest})
    aggregation = Aggregation(run.summary.get("aggregation", "last"))
    found = outcomes_at_budgets(
        records, budgets, aggregation=aggregation, subsets=subsets, seed=int(run.summary["seed"])
    )
    if selection not in found:
        raise _missing(run, selection)
    for place, smaller in enumerate(budgets):
        outcomes = {record.id: float(row[place]) for record, row in zip(records, found[selection], strict=True)}
        spent = dict.fromkeys(outcomes, float(smaller))
        yield smaller, _Measured(outcomes, spent, flops_of_subsets(records, smaller, Shapes.of(run)))


def _outcomes(run: Run, records: Sequence[ProblemRecord], selection: str) -> dict[str, float]:
    try:
        return outcomes_by_problem(records, selection)
    except KeyError:
        raise _missing(run, selection) from None


def _missing(run: Run, selection: str) -> UserError:
    names = ", ".join(map(printable_line, run.summary["selections"]))
    return UserError(f"--selection {selection}: {run.directory} has none; use one of {names}.")


def _averaged(seeds: Sequence[_Measured]) -> Point:
    return Point(
        outcomes=over_seeds([seed.outcomes for seed in seeds]),
        generations=over_seeds([seed.generations for seed in seeds]),
        flops={
            convention: over_seeds([seed.flops[convention] for seed in seeds])
            for convention in FlopsConvention
            if all(convention in seed.flops for seed in seeds)
        },
        seeds=len(seeds),
    )


def _labels(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each config by its class, and by the settings in which those of the class differ."""
    by_class: dict[str, list[Mapping[str, Any]]] = {}
    for config in configs:
        by_class.setdefault(config["_target_"], []).append(config)
    return [_label(config, by_class[config["_target_"]]) for config in configs]


def _label(config: Mapping[str, Any], siblings: Sequence[Mapping[str, Any]]) -> str:
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in config["_target_"].rpartition(".")[2]).lstrip("_")
    differing = [key for key in config if len({json.dumps(s.get(key), default=str) for s in siblings}) > 1]
    return " ".join([name, *(f"{key}={config[key]}" for key in differing)])


class _Golds:
    """Refuses runs of data sets whose ids coincide, such as row numbers."""

    def __init__(self) -> None:
        self._golds: dict[str, tuple[str, Run]] = {}

    def check(self, run: Run, records: Iterable[ProblemRecord]) -> None:
        for record in records:
            gold, first = self._golds.setdefault(record.id, (record.gold, run))
            if gold != record.gold:
                raise UserError(
                    f"the gold answer of problem {_shown(record.id)} is {_shown(gold)} in {first.directory} but "
                    f"{_shown(record.gold)} in {run.directory}; give runs on the same data."
                )


def _shown(text: str) -> str:
    return printable_line(repr(text), 80)
