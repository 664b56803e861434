"""Finished runs become pandas frames."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from run_records import record, records, write_run

import ttc
from ttc.errors import UserError
from ttc.runs.frames import RunFrames, load_run, load_runs
from ttc.runs.records import CandidateRecord

PROBLEM_COLUMNS = [
    *("problem", "gold", "subject", "level", "quintile", "correct", "oracle", "pass1", "generations"),
    *("best", "majority", "weighted"),
    *("prompt_tokens", "cached_tokens", "decoded_tokens", "prm_tokens", "prm_cached_tokens"),
]
CANDIDATE_COLUMNS = [
    "problem",
    "candidate",
    "text",
    "answer",
    "correct",
    "finish",
    "score",
    "values",
    "tokens",
    "chain",
    "group",
]


def test_a_run_becomes_one_row_per_problem_and_one_per_candidate(tmp_path: Path) -> None:
    write_run(tmp_path)
    problems, candidates = load_run(tmp_path)
    assert list(problems.columns) == PROBLEM_COLUMNS
    assert list(candidates.columns) == CANDIDATE_COLUMNS
    assert problems["problem"].tolist() == ["a", "b", "c", "d"]
    assert candidates["problem"].tolist() == [id_ for id_ in "abcd" for _ in range(4)]
    assert candidates["candidate"].tolist() == [0, 1, 2, 3] * 4


def test_a_problem_holds_its_grades_quintile_and_cost(tmp_path: Path) -> None:
    write_run(tmp_path)
    problems = load_run(tmp_path).problems.set_index("problem")
    assert problems["correct"].tolist() == problems["weighted"].tolist() == [True, True, False, True]
    assert problems["majority"].tolist() == [True, False, False, True]
    assert problems["pass1"].tolist() == [1.0, 0.5, 0.0, 0.75]
    assert problems["oracle"].tolist() == [True, True, False, True]
    assert problems["quintile"].tolist()[:3] == [1, 5, 5] and problems["quintile"].isna().tolist()[3]
    tokens = [name for name in PROBLEM_COLUMNS if name.endswith("_tokens")]
    assert problems[tokens].to_numpy().tolist() == [[10, 0, 28, 30, 0]] * 4
    assert set(problems["generations"]) == {4} and set(problems["gold"]) == {"1"}


def test_a_candidates_score_is_its_last_value(tmp_path: Path) -> None:
    unscored = CandidateRecord("text", None, False, "length")
    chained = CandidateRecord("text", "1", True, "stop", (0.5, 0.75), 9, chain=3)
    write_run(tmp_path, [replace(record("a", {"weighted": True}), candidates=(chained, unscored))])
    first, second = load_run(tmp_path).candidates.to_dict("records")
    assert (first["score"], first["values"], first["tokens"], first["chain"]) == (0.75, (0.5, 0.75), 9, 3)
    assert pd.isna(second["score"]) and second["values"] == () and pd.isna(second["chain"])
    assert (second["text"], second["finish"]) == ("text", "length") and pd.isna(second["answer"])


def test_the_two_frames_join_on_the_problem(tmp_path: Path) -> None:
    write_run(tmp_path)
    problems, candidates = load_run(tmp_path)
    joined = candidates.merge(problems, on="problem", suffixes=("", "_selected"), validate="many_to_one")
    assert len(joined) == len(candidates)
    assert (joined.groupby("problem")["correct"].mean() == problems.set_index("problem")["pass1"]).all()


def test_the_jobs_of_a_sweep_are_distinguished_by_the_overrides_that_differ(tmp_path: Path) -> None:
    for job, (width, seed) in enumerate([(2, 0), (8, 0), (8, 1)]):
        overrides = [f"strategy.width={width}", f"seed={seed}", "data.limit=4", f"hydra.job.num={job}"]
        write_run(tmp_path / str(job), strategy="beam", seed=seed, overrides=overrides)
    problems, candidates = load_runs(tmp_path)
    keys = ["run", "strategy", "budget", "seed", "strategy.width"]
    assert list(problems.columns) == keys + PROBLEM_COLUMNS
    assert list(candidates.columns) == keys + CANDIDATE_COLUMNS
    assert problems.groupby("run", sort=False).size().to_dict() == {str(tmp_path / str(job)): 4 for job in range(3)}
    settings = problems[keys[1:]].drop_duplicates().values.tolist()
    assert settings == [["beam", 4, 0, "2"], ["beam", 4, 0, "8"], ["beam", 4, 1, "8"]]
    assert problems.index.tolist() == list(range(12)) and candidates.index.tolist() == list(range(48))


def test_the_frames_of_several_runs_join_on_run_and_problem(tmp_path: Path) -> None:
    write_run(tmp_path / "all")
    write_run(tmp_path / "some", records()[:2], seed=1)
    problems, candidates = load_runs([tmp_path / "all", str(tmp_path / "some")])
    joined = candidates.merge(problems, on=["run", "problem"], suffixes=("", "_selected"), validate="many_to_one")
    assert len(joined) == len(candidates) == 4 * (4 + 2)
    means = joined.groupby(["run", "problem"])["correct"].mean()
    assert (means == problems.set_index(["run", "problem"])["pass1"]).all()


def test_a_run_without_an_override_that_others_have_has_none_there(tmp_path: Path) -> None:
    write_run(tmp_path / "0", overrides=["strategy.width=8"])
    write_run(tmp_path / "1")
    problems = load_runs(tmp_path).problems.drop_duplicates("run")
    assert problems["strategy.width"].tolist() == ["8", None]


def test_a_directory_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    for load in (load_run, load_runs):
        with pytest.raises(UserError) as error:
            load(tmp_path / "nowhere")
        assert "summary.json" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"summary\.json cannot be read"):
        load_run(tmp_path)  # a sweep is not a run
    with pytest.raises(UserError, match="holds no finished run"):
        load_runs([tmp_path / "run", tmp_path / "nowhere"])


def test_a_path_may_begin_with_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_run(tmp_path / "run")
    assert len(load_run("~/run").problems) == len(load_runs("~/run").problems) == 4


def test_the_package_offers_the_loaders(tmp_path: Path) -> None:
    write_run(tmp_path)
    assert ttc.load_run is load_run and ttc.load_runs is load_runs and ttc.RunFrames is RunFrames
    problems, candidates = ttc.load_run(str(tmp_path))
    assert (len(problems), len(candidates)) == (4, 16)
    with pytest.raises(AttributeError, match="no attribute 'load_walk'"):
        _ = ttc.load_walk


def test_importing_the_package_does_not_import_pandas() -> None:
    code = "import sys, ttc; assert ttc.__version__; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_no_paths_at_all_are_refused() -> None:
    with pytest.raises(UserError, match="no paths given"):
        load_runs([])
