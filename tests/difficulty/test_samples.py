"""Independent samples of finished runs, and the difficulties that they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_records import record, write_run

from ttc.cost import Flops
from ttc.difficulty.samples import read_samples
from ttc.difficulty.table import DifficultyKind, measured_difficulty
from ttc.errors import UserError
from ttc.runs.finding import Run, find_runs
from ttc.runs.records import CandidateRecord, ProblemRecord

GENERATOR = {"name": "pocket", "fingerprint": "g1", "parameters": 10}
VERIFIER = {"name": "pocket", "fingerprint": "v1", "parameters": 20}
MODELS = {"generator": GENERATOR, "prm": VERIFIER}


def sampled(id_: str, *candidates: tuple[bool, float | None]) -> ProblemRecord:
    """Return a problem with candidates of these grades and final values; each cost 10 FLOPs (paper) or 100 (full)."""
    drawn = tuple(
        CandidateRecord("", "1", grade, values=() if value is None else (0.5, value)) for grade, value in candidates
    )
    flops = Flops(10 * len(drawn), 100 * len(drawn))
    return replace(record(id_, {"weighted": True}), candidates=drawn, flops=flops)


def run_of(directory: Path, rows: Sequence[ProblemRecord], **entries: object) -> list[Run]:
    known: dict[str, Any] = {"models": MODELS, **entries}
    write_run(directory, rows, **known)
    return find_runs([directory])


ROWS = [
    sampled("a", (True, 0.9), (True, 0.8), (False, 0.3), (True, 0.4)),
    sampled("b", (False, 0.1), (False, 0.3), (True, 0.6), (False, 0.0)),
]


def test_predicted_difficulty_is_the_mean_final_value_whatever_the_gold_answers_say(tmp_path: Path) -> None:
    predicted = measured_difficulty(DifficultyKind.predicted, run_of(tmp_path / "run", ROWS))
    wrong = [replace(row, gold="7", candidates=[replace(c, correct=False) for c in row.candidates]) for row in ROWS]
    blind = measured_difficulty(DifficultyKind.predicted, run_of(tmp_path / "wrong", wrong))
    assert predicted.values == blind.values == pytest.approx({"a": 0.6, "b": 0.25})
    assert predicted.verifier is not None and predicted.verifier.fingerprint == "v1"


def test_the_first_samples_are_used_and_their_share_of_the_cost(tmp_path: Path) -> None:
    runs = run_of(tmp_path, ROWS)
    oracle = measured_difficulty(DifficultyKind.oracle, runs, samples=2)
    assert oracle.values == {"a": 1.0, "b": 0.0}
    assert (oracle.samples, oracle.generations, oracle.flops) == (2, 2.0, Flops(20, 200))
    assert measured_difficulty(DifficultyKind.oracle, runs).flops == Flops(40, 400)


def test_two_parts_share_no_sample(tmp_path: Path) -> None:
    runs = run_of(tmp_path, ROWS)
    even = measured_difficulty(DifficultyKind.oracle, runs, part=slice(0, None, 2))
    odd = measured_difficulty(DifficultyKind.oracle, runs, part=slice(1, None, 2))
    assert even.values == {"a": 0.5, "b": 0.5} and odd.values == {"a": 1.0, "b": 0.0}


def test_seeds_are_pooled_and_each_pays(tmp_path: Path) -> None:
    run_of(tmp_path / "0", ROWS, seed=0)
    run_of(tmp_path / "1", [sampled("a", (False, 0.0), (False, 0.1))], seed=1)
    found = measured_difficulty(DifficultyKind.oracle, find_runs([tmp_path]))
    assert found.values == {"a": pytest.approx(3 / 6), "b": 0.25}
    assert (found.generations, found.flops) == (5.0, Flops(50, 500))


def test_a_solution_without_a_value_does_not_count_and_a_problem_without_any_is_hardest(tmp_path: Path) -> None:
    rows = [sampled("a", (True, 0.8), (True, None)), sampled("b", (True, None)), sampled("c", (True, math.nan))]
    found = measured_difficulty(DifficultyKind.predicted, run_of(tmp_path, rows))
    assert found.values == {"a": 0.8, "b": 0.0, "c": 0.0}


def test_flops_are_unknown_where_those_of_any_problem_are(tmp_path: Path) -> None:
    found = read_samples(run_of(tmp_path, [ROWS[0], replace(ROWS[1], flops=Flops(paper=40))]))
    assert found.flops == Flops(80, None)


def test_a_run_without_values_has_no_predicted_difficulty(tmp_path: Path) -> None:
    runs = run_of(tmp_path, [sampled("a", (True, None))])
    assert measured_difficulty(DifficultyKind.oracle, runs).values == {"a": 1.0}
    with pytest.raises(UserError, match=r"has no verifier values, .*; give a run of strategy=best_of_n\."):
        measured_difficulty(DifficultyKind.predicted, runs)


@pytest.mark.parametrize(
    ("samples", "message"), [(5, "has 4 per problem; use at most 4"), (0, "must be at least 1 per problem")]
)
def test_an_impossible_number_of_samples_is_refused(tmp_path: Path, samples: int, message: str) -> None:
    with pytest.raises(UserError, match=f"samples={samples}: .*{message}"):
        measured_difficulty(DifficultyKind.oracle, run_of(tmp_path, ROWS), samples)


def test_runs_of_one_seed_are_not_pooled(tmp_path: Path) -> None:
    run_of(tmp_path / "small", ROWS, budget=2)
    run_of(tmp_path / "large", ROWS)
    with pytest.raises(UserError, match=r"has the seed of .*, and so the same samples; give only the larger"):
        read_samples(find_runs([tmp_path]))


def test_runs_of_one_seed_on_other_problems_are_pooled(tmp_path: Path) -> None:
    run_of(tmp_path / "0", ROWS[:1])
    run_of(tmp_path / "1", ROWS[1:])
    assert set(read_samples(find_runs([tmp_path])).pass1()) == {"a", "b"}


@pytest.mark.parametrize("name", ["generator", "prm"])
def test_runs_of_other_models_are_not_pooled(tmp_path: Path, name: str) -> None:
    run_of(tmp_path / "0", ROWS, seed=0)
    run_of(tmp_path / "1", ROWS, seed=1, models={**MODELS, name: {**MODELS[name], "fingerprint": "x"}})
    with pytest.raises(UserError, match=f"differ in {name}; give runs that share it"):
        read_samples(find_runs([tmp_path]))
