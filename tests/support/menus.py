"""Curves and finished runs as `ttc optimal` reads them, without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from run_records import write_run

from ttc.analysis.curves import Curve, Family, Point
from ttc.cost import Flops, FlopsConvention, Tokens
from ttc.models import ModelId
from ttc.runs.directory import RunDirectory
from ttc.runs.records import CandidateRecord, ProblemRecord, SelectedAnswer

GENERATOR = ModelId("pocket", "g1", 1000)
VERIFIER = ModelId("pocket", "v1", 2000)
BEST_OF_N = {"_target_": "ttc.strategies.parallel.BestOfN", "step_values": False}
BEAM = {"_target_": "ttc.strategies.beam.Beam", "width": 4, "rounds": 40}


def curve(
    label: str,
    outcomes: Mapping[int, Iterable[float]],
    *,
    selection: str = "weighted",
    flops_per_generation: float | None = 10.0,
    **fields: Any,
) -> Curve:
    """Return a curve over the problems p000, p001, .., whose outcomes are given by budget."""
    points = {}
    for budget, values in outcomes.items():
        by_problem = {f"p{place:03}": float(value) for place, value in enumerate(values)}
        spent = dict.fromkeys(by_problem, float(budget))
        flops = {}
        if flops_per_generation is not None:
            flops = {FlopsConvention.full: {id_: budget * flops_per_generation for id_ in by_problem}}
        points[budget] = Point(by_problem, spent, flops, seeds=1)
    known: dict[str, Any] = {"family": Family.search, "generator": GENERATOR, "verifier": VERIFIER}
    config = {"_target_": f"tests.{label}"}
    return Curve(label=label, selection=selection, points=points, **{"config": config, **known, **fields})


def problem_record(
    id_: str,
    grades: Sequence[bool],
    *,
    values: Sequence[float] | None = None,
    chosen: bool | None = None,
    chains: bool = False,
    quintile: int | None = None,
) -> ProblemRecord:
    """Return a record with one candidate per grade; `chosen` is the grade of every selection (default: the first's)."""
    values = [0.5] * len(grades) if values is None else values
    candidates = tuple(
        CandidateRecord(
            "…", "1" if grade else "2", grade, "stop", (value,), 7, place if chains else None, 0 if grade else 1
        )
        for place, (grade, value) in enumerate(zip(grades, values, strict=True))
    )
    correct = grades[0] if chosen is None else chosen
    names = ("majority", "best", "weighted", *(["hierarchical"] if chains else []))
    answer = SelectedAnswer("1" if correct else "2", correct)
    return ProblemRecord(
        id=id_,
        gold="1",
        correct=correct,
        selected=dict.fromkeys(names, answer),
        oracle=any(grades),
        candidates=candidates,
        quintile=quintile,
        generations=len(grades),
        tokens=Tokens(10, 0, 7 * len(grades), 30),
        flops=Flops(paper=100 * len(grades), full=150 * len(grades)),
    )


def finished_run(
    directory: Path,
    records: Sequence[ProblemRecord],
    *,
    config: Mapping[str, Any] = BEST_OF_N,
    generator: ModelId = GENERATOR,
    verifier: ModelId | None = VERIFIER,
    independent: bool = True,
    **entries: object,
) -> RunDirectory:
    """Write a finished run with its strategy and models; its budget is the number of candidates."""
    known: dict[str, Any] = {
        "strategy_config": dict(config),
        "models": {"generator": generator.to_json(), "prm": verifier.to_json() if verifier else None},
        "budget": len(records[0].candidates),
        **({} if independent else {"selections": {"weighted": {"accuracy": 0.5, "ci95": [0, 1]}}}),
    }
    return write_run(directory, records, **{**known, **entries})
