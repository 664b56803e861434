"""`ttc merge`: the shards of a run become the run directory that one run of all problems would have written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.analysis.accuracy import PASS1
from ttc.app.merged_notes import merged_notes, notes_of, total_shortfalls
from ttc.app.new_run import check_out, write_new_run
from ttc.app.shard_rows import problem_rows, records_of, tree_rows
from ttc.app.shards import SHARD, Shard, find_shards, missing_shards
from ttc.budget_table import load_budget_table
from ttc.difficulty.base import Bins, Difficulty
from ttc.difficulty.measured import OracleDifficulty, PredictedDifficulty
from ttc.errors import UserError
from ttc.execution.binning import binned
from ttc.execution.choosing import relative_bins_note
from ttc.execution.summary import summarize_records
from ttc.files import expanded
from ttc.hashing import digest
from ttc.runs.directory import RunDirectory
from ttc.runs.identity import WHOLE_DIGEST, RunIdentity
from ttc.runs.records import ProblemRecord
from ttc.selection import Aggregation, SelectionRule
from ttc.strategies.loading import load_strategy
from ttc.terminal import printable_line

if TYPE_CHECKING:
    import pandas as pd

_SHARED = (
    *("strategy", "budget", "seed", "aggregation", "generator", "prm", "data", "strategy_config", "grader_config"),
    *("models", "budget_table", "token_limit"),
)
_NO_OVERRIDE = (SHARD, "hydra", "store", "tracker", "workers", "grading_workers")
_UNKNOWN_BINS = (
    "quintiles unknown: each shard had its own, of values that runs do not store; for bins among all problems, run the "
    "shards with difficulty.path=TABLE, as `ttc difficulty` writes"
)
_MEASURED = {str(kind.kind): kind for kind in (OracleDifficulty, PredictedDifficulty)}


@dataclass(frozen=True)
class MergedRun:
    """What was written: the content of summary.json and of accuracy.csv."""

    summary: dict[str, Any]
    table: pd.DataFrame


def merge_runs(paths: Sequence[Path], out: Path, *, allow_missing: bool = False) -> MergedRun:
    """Write the run directory of all problems from the runs of its shards.

    Args:
        paths: of the runs, or of directories that hold them.
        out: the directory to write.
        allow_missing: whether the run may lack shards, which its notes name.

    Raises:
        UserError: runs that are not shards of one run, a shard that is missing, problems that two of them have, or a
            directory that cannot be written.
        RunError: the disk is full.
    """
    shards = find_shards(paths, out)
    missing = missing_shards(shards)
    if missing and not allow_missing:
        raise _not_given(missing)
    identity = _identity(shards, missing)
    check_out(out, identity)
    records, bins = _binned(records_of(shards), shards)
    table, told = _told(records, shards[0])
    summary = shards[0].run.summary
    found = {
        **{name: summary[name] for name in _SHARED if name in summary},
        **told,
        **_sums(shards),
        **({"budget": _mean_budget(shards[0], records)} if "budget_table" in summary else {}),
        **({"difficulty": dict(bins.origin)} if bins.origin else {}),
        "n_problems_available": _available(shards, len(records)) if not missing else len(records),
        "merged": {"shards": [shard.name for shard in shards], "missing": missing},
        "notes": merged_notes(shards, missing, bins.note),
    }
    quintile = {record.id: record.quintile for record in records}
    config = _with_shard_of_none(shards[0].config)
    write_new_run(out, identity, found, table, problem_rows(shards, quintile), tree_rows(shards), config)
    return MergedRun(found, table)


def _not_given(missing: Sequence[str]) -> UserError:
    names = printable_line(", ".join(missing), 80)
    if len(missing) == 1:
        return UserError(f"shard {names} of the run is not given; run {SHARD}={names}, or add --allow-missing.")
    return UserError(
        f"shards {names} of the run are not given; run {SHARD}={missing[0]} and the others, or add --allow-missing."
    )


def _identity(shards: Sequence[Shard], missing: Sequence[str]) -> RunIdentity:
    """Return what identifies the merged run: that of all problems, if no shard is missing; and the command line."""
    overrides = shards[0].run.overrides.items()
    whole = None if missing else shards[0].run.summary.get(WHOLE_DIGEST)
    parts = [(shard.name, shard.run.summary.get("settings_digest")) for shard in shards]
    return RunIdentity(
        whole if isinstance(whole, str) else digest("merge", parts).hex(),
        tuple(f"{key}={value}" for key, value in overrides if not key.startswith(_NO_OVERRIDE)),
    )


def _told(records: Sequence[ProblemRecord], shard: Shard) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the tables of all problems, and what summary.json says of them.

    Raises:
        UserError: the shard's summary or rows are not what a run writes.
    """
    from ttc.analysis.tables import run_table

    summary = shard.run.summary
    try:
        selection, aggregation = SelectionRule(summary["selection"]), Aggregation(summary.get("aggregation", "last"))
        independent = PASS1 in summary["selections"]
        table = run_table(records, independent=independent, aggregation=aggregation, seed=summary["seed"])
        return table, summarize_records(records, table, selection, aggregation, independent=_is_independent(shard))
    except (ValueError, KeyError, OverflowError) as error:
        raise UserError(
            f"{shard.place} makes no tables ({printable_line(error, 80)}); run the experiment again."
        ) from None


def _binned(records: Sequence[ProblemRecord], shards: Sequence[Shard]) -> tuple[list[ProblemRecord], Bins]:
    """Bin all problems together, where the bins came from the samples; others keep the bins of their table.

    Quintiles within a shard, of values that runs do not store (difficulty=learned from a run), are dropped.
    """
    found = [shard.run.summary.get("difficulty") for shard in shards]
    origin = next((entry for entry in found if isinstance(entry, dict)), {})
    settings = shards[0].config.get("difficulty")
    settings = settings if isinstance(settings, dict) else {}
    kind = _MEASURED.get(str(origin.get("kind")))
    if kind is None or settings.get("path") is not None:
        if not any(relative_bins_note(shard.name) in notes_of(shard) for shard in shards):
            return [*records], Bins({}, origin=origin)
        return [replace(record, quintile=None) for record in records], Bins({}, _UNKNOWN_BINS, origin)
    difficulty: Difficulty = kind(thresholds=settings.get("thresholds") or [])
    return binned(records, difficulty, independent=_is_independent(shards[0]))


def _is_independent(shard: Shard) -> bool:
    """Whether the run's candidates are independent samples, of a budget for all problems or for each."""
    summary = shard.run.summary
    if PASS1 in summary["selections"] or "budget_table" not in summary:
        return PASS1 in summary["selections"]
    given = f"{RunDirectory(shard.place).summary_file}: strategy_config"
    return load_strategy(summary["strategy_config"], given).independent_samples


def _mean_budget(shard: Shard, records: Sequence[ProblemRecord]) -> int:
    """Return the generations per problem, rounded, by the table of budgets."""
    budgets = load_budget_table(expanded(str(shard.run.summary["budget_table"])))
    if unknown := [record.id for record in records if record.id not in budgets]:
        raise UserError(
            f"budget_table={shard.run.summary['budget_table']}: problem {printable_line(unknown[0], 80)} is not in the "
            "table; give the table that the runs were made with."
        )
    return round(sum(budgets[record.id] for record in records) / len(records))


def _sums(shards: Sequence[Shard]) -> dict[str, Any]:
    """Return what adds up over the shards: seconds, grading timeouts and shortfalls.

    Raises:
        UserError: a summary holds something else.
    """
    seconds: Counter[str] = Counter()
    timeouts = 0
    for shard in shards:
        spent, timed_out = shard.run.summary.get("seconds", {}), shard.run.summary.get("grading_timeouts", 0)
        whole = isinstance(spent, dict) and all(isinstance(value, int | float) for value in spent.values())
        if not whole or not isinstance(timed_out, int):
            raise UserError(
                f"{RunDirectory(shard.place).summary_file}: seconds or grading_timeouts are not what a run writes; run "
                "the experiment again."
            )
        seconds.update(spent)
        timeouts += timed_out
    shortfalls = total_shortfalls(shards)
    return {
        "seconds": dict(seconds),
        "grading_timeouts": timeouts,
        **({"shortfalls": shortfalls.to_json()} if shortfalls is not None else {}),
    }


def _available(shards: Sequence[Shard], problems: int) -> int:
    """Return how many problems the data has, of which data.limit may have chosen some."""
    known = [shard.run.summary.get("n_problems_available") for shard in shards]
    return max([count for count in known if isinstance(count, int)] + [problems])


def _with_shard_of_none(config: Mapping[str, object]) -> dict[str, object]:
    data = config["data"]
    assert isinstance(data, dict), "it has a shard"
    return {**config, "data": {**data, "shard": None}}
