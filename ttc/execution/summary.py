"""What a run says about itself: summary.json, its notes, and the settings under which the store keeps its results."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ttc.config import RunConfig
from ttc.cost import Flops, Ledger, Tokens
from ttc.engines.provenance import overlap_note
from ttc.execution.identity import NEW_SETTINGS, budgets_digest, grader_settings, later_defaults
from ttc.grading import Grading, grader_config
from ttc.models import ModelId
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.base import config_of
from ttc.types import Problem

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def summarize_run(
    config: RunConfig,
    budget: int,
    ledger: Ledger,
    records: Sequence[ProblemRecord],
    table: pd.DataFrame,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what summary.json says of the run itself.

    Args:
        config: of the run.
        budget: generations per problem; the mean, rounded, where a table gives each problem its own.
        ledger: names the models' shapes. Costs are those of the records: pilots are not part of the results.
        records: of all problems.
        table: of their accuracies.
        seconds: by phase, pilots included.
    """
    return {
        **summarize_records(
            records, table, config.selection, config.aggregation, independent=config.strategy.independent_samples
        ),
        "strategy": strategy_name(config.strategy),
        "budget": budget,
        "seed": config.seed,
        "aggregation": str(config.aggregation),
        "generator": config.generator.name,
        "prm": config.verifier.name if config.verifier else None,
        "data": config.data.name,
        "strategy_config": config_of(config.strategy),
        **({"grader_config": grader_config(config.grader)} if grader_settings(config) else {}),
        "models": _models(config, ledger),
        **({"budget_table": str(config.budget_table)} if config.budgets is not None else {}),
        "token_limit": config.generator.token_limit,
        "seconds": {name: seconds.get(name, 0.0) for name in ("load", "generate", "score", "grade", "total")},
    }


def summarize_records(
    records: Sequence[ProblemRecord],
    table: pd.DataFrame,
    selection: SelectionRule,
    aggregation: Aggregation,
    *,
    independent: bool,
) -> dict[str, Any]:
    """Return the part of summary.json that the records of all problems tell, however they came together.

    Args:
        records: of all problems.
        table: of their accuracies.
        selection: the run's own.
        aggregation: of step values.
        independent: whether the candidates are independent samples.
    """
    from ttc.analysis.accuracy import summarize
    from ttc.analysis.chains import chain_summary
    from ttc.analysis.ranking import ranking_summary

    return {
        **summarize(table, str(selection)),
        **_routes(records),
        **chain_summary(records),
        **(ranking_summary(records, aggregation) if independent else {}),
        "generations": sum(record.generations for record in records),
        "tokens": sum((record.tokens for record in records), Tokens()).to_json(),
        "flops": total_flops(records).to_json(),
    }


def mean_budget(config: RunConfig, problems: Sequence[Problem]) -> int:
    """Return the generations per problem, rounded where a table gives each problem its own."""
    return round(sum(config.budget_of(problem.id) for problem in problems) / len(problems))


def total_flops(records: Iterable[ProblemRecord]) -> Flops:
    """Return the FLOPs of all problems; unknown where those of one are."""

    def total(counts: Sequence[int | None]) -> int | None:
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    found = [record.flops for record in records]
    return Flops(total([flops.paper for flops in found]), total([flops.full for flops in found]))


def _routes(records: Sequence[ProblemRecord]) -> dict[str, Any]:
    """Return how many problems took each route of a controller; empty where there is none."""
    counts = Counter(record.route for record in records if record.route is not None)
    return {"routes": dict(counts.most_common())} if counts else {}


def _models(config: RunConfig, ledger: Ledger) -> dict[str, Any]:
    """Return which generator and which verifier made the results."""
    parts = {"generator": (config.generator, ledger.generator), "prm": (config.verifier, ledger.verifier)}
    return {
        name: ModelId(part.name, part.fingerprint(), shape.params if shape else None).to_json()
        | {"shape": asdict(shape) if shape else None}
        if part
        else None
        for name, (part, shape) in parts.items()
    }


def strategy_name(strategy: object) -> str:
    """Return e.g. `best_of_n` for a `BestOfN`, as its config is named."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(strategy).__name__).lower()


def stored_settings(config: RunConfig, budget: int) -> dict[str, Any]:
    """Return all that determines the results, as plain values; parts by their class."""
    parts = {name: getattr(config, name) for name in ("strategy", "generator", "prm", "data", "difficulty")}
    settings: dict[str, Any] = {
        name: {"class": type(part).__name__, **_given(part)} for name, part in parts.items() if part is not None
    }
    settings |= {"budget": budget} | {name: getattr(config, name) for name in ("seed", "selection", "aggregation")}
    settings["strategy"] |= config.strategy.file_digests()
    if config.budgets is not None:
        settings["budget_table"] = budgets_digest(config.budgets)
    return settings | ({"grading_units": True} if config.grading_units else {}) | grader_settings(config)


def _given(part: Any) -> dict[str, Any]:
    """Return a part's settings; those that stores may be older than only where they are set."""
    unchanged = later_defaults(part)
    settings = {field.name: getattr(part, field.name) for field in fields(part) if field.name not in unchanged}
    return {name: value for name, value in settings.items() if name not in NEW_SETTINGS or value}


def store_notes(damaged_replies: int) -> list[str]:
    """Say, in the log and in the summary, that the store has lost something."""
    if not damaged_replies:
        return []
    replies = "1 stored reply was" if damaged_replies == 1 else f"{damaged_replies:,} stored replies were"
    note = f"{replies} damaged and computed again; if that happens more than once, check the disk"
    log.warning("%s", note)
    return [note]


def training_notes(config: RunConfig, problems: Sequence[Problem]) -> list[str]:
    """Warn of problems that the generator or the verifier has learnt from."""
    questions = [problem.question for problem in problems]
    notes = overlap_note("generator", config.generator.name, config.generator.trained_on, questions)
    if config.verifier is not None:
        notes += overlap_note("prm", config.verifier.name, config.verifier.trained_on, questions)
    return notes


def grading_notes(timeout_seconds: float, grading: Grading) -> list[str]:
    """Say how many comparisons met the time limit, if any did."""
    if not grading.timed_out:
        return []
    pairs = "1 comparison of answers" if grading.timed_out == 1 else f"{grading.timed_out:,} comparisons of answers"
    return [f"{pairs} reached grading_timeout={timeout_seconds:g} seconds and counted as not equal"]
