"""Finished runs as pandas frames, for notebooks: `problems, candidates = ttc.load_run("outputs/…")`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ttc.errors import UserError
from ttc.runs.finding import Run, find_runs
from ttc.runs.records import ProblemRecord


class RunFrames(NamedTuple):
    """Two frames that join on `problem` (and `run`, where several runs were loaded).

    Attributes:
        problems: one row per problem: problem, gold, subject, level, quintile, correct (of the configured selection),
            oracle, pass1, generations, one column per selection (`majority`, `weighted`, ...: its answer's grade), and
            the token counts (`prompt_tokens`, ...).
        candidates: one row per candidate: problem, candidate (a number), text, answer, correct, finish, score (the last
            value), values (one per step), tokens, chain, group (equal answers of a problem have the same number).
    """

    problems: pd.DataFrame
    candidates: pd.DataFrame


def load_run(path: str | Path) -> RunFrames:
    """Load one finished run.

    Raises:
        UserError: the directory holds no finished run.
    """
    run = Run.load(Path(path).expanduser())
    return _frames(run, {})


def load_runs(paths: str | Path | Iterable[str | Path]) -> RunFrames:
    """Load every finished run at or below the paths, sweeps included, into one pair of frames.

    Both frames begin with `run` (its directory), `strategy`, `budget` and `seed`, and one column for each other
    override in which the runs differ.

    Raises:
        UserError: no paths, or one without a finished run.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise UserError("no paths given; give run or sweep directories.")
    runs = find_runs(Path(path).expanduser() for path in given)
    keys = dict.fromkeys(key for run in runs for key in run.overrides if not key.startswith("hydra."))
    differing = [key for key in keys if len({run.overrides.get(key) for run in runs}) > 1]
    loaded = []
    for run in runs:
        named = {"run": str(run.directory)} | {key: run.summary[key] for key in ("strategy", "budget", "seed")}
        loaded.append(_frames(run, named | {key: run.overrides.get(key) for key in differing if key not in named}))
    problems, candidates = (pd.concat(frames, ignore_index=True) for frames in zip(*loaded, strict=True))
    return RunFrames(problems, candidates)


def _frames(run: Run, named: Mapping[str, object]) -> RunFrames:
    counted = run.summary.get("tokens")
    problems = pd.DataFrame([{**named, **_problem(record, counted)} for record in run.records])
    candidates = pd.DataFrame([{**named, **row} for record in run.records for row in _candidates(record)])
    return RunFrames(problems, candidates)


def _problem(record: ProblemRecord, counted: object) -> dict[str, object]:
    """Return the columns of a problem; `counted` holds the tokens that the run knows, if it says so."""
    tokens = record.tokens.to_json()
    known = tokens.keys() & counted.keys() if isinstance(counted, dict) else tokens.keys()
    return {
        "problem": record.id,
        **{name: getattr(record, name) for name in ("gold", "subject", "level", "quintile", "correct", "oracle")},
        "pass1": record.pass1,
        "generations": record.generations,
        **{name: selected.correct for name, selected in record.selected.items()},
        **{f"{name}_tokens": count if name in known else None for name, count in tokens.items()},
    }


def _candidates(record: ProblemRecord) -> Iterable[dict[str, object]]:
    for number, candidate in enumerate(record.candidates):
        yield {
            "problem": record.id,
            "candidate": number,
            **{name: getattr(candidate, name) for name in ("text", "answer", "correct", "finish")},
            "score": candidate.values[-1] if candidate.values else None,
            **{name: getattr(candidate, name) for name in ("values", "tokens", "chain", "group")},
        }
