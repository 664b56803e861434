"""`ttc run`, from the command line to the run directory, for real on the pocket models."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from heavy_imports import PROBE

from ttc.execution.summary import grading_notes
from ttc.grading import Grader
from ttc.runs.directory import RunDirectory
from ttc.runs.finding import find_runs

PHASES = {"load", "generate", "score", "grade", "total"}


def ttc(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name("ttc")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    return subprocess.run(
        [executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Four jobs in one process."""
    directory = tmp_path_factory.mktemp("sweep")
    done = ttc(
        "run", "-m", "budget=4,8", "strategy=best_of_n,beam", "data.limit=10", "hydra.sweep.dir=sweep", cwd=directory
    )
    assert done.returncode == 0, done.stderr
    return directory / "sweep", done


def test_a_sweep_runs_every_job_and_loads_the_weights_once(
    sweep: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    directory, _ = sweep
    summaries = [json.loads((directory / str(job) / "summary.json").read_text()) for job in range(4)]
    assert {(s["strategy"], s["budget"]) for s in summaries} == {
        (strategy, budget) for strategy in ("best_of_n", "beam") for budget in (4, 8)
    }
    first, *others = (summary["seconds"]["load"] for summary in summaries)
    assert all(seconds < 0.05 * first for seconds in others)


def test_a_sweep_ends_with_one_merged_table(sweep: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    directory, done = sweep
    with (directory / "sweep.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["kind"], row["selection"]) == ("overall", "weighted")]
    assert [(row["job"], row["budget"], row["strategy"], row["generations"]) for row in rows] == [
        ("0", "4", "best_of_n", "40"),
        ("1", "4", "beam", "40"),
        ("2", "8", "best_of_n", "80"),
        ("3", "8", "beam", "80"),
    ]
    assert "sweep of 4 jobs" in done.stdout


def test_the_samples_of_a_smaller_budget_are_the_first_of_a_larger_one(
    sweep: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    small, large = ([json.loads(line) for line in (sweep[0] / job / "problems.jsonl").open()] for job in ("0", "2"))
    for few, many in zip(small, large, strict=True):
        assert [c["text"] for c in few["candidates"]] == [c["text"] for c in many["candidates"][:4]]


def test_a_run_directory_is_complete(sweep: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    directory = sweep[0] / "0"
    summary = json.loads((directory / "summary.json").read_text())
    assert {"accuracy", "ci95", "n_problems", "selections", "by_quintile", "by_level", "generations"} <= set(summary)
    assert summary["n_problems"] == 10 and summary["generations"] == 10 * summary["budget"]
    assert {"majority", "best", "weighted", "oracle"} <= set(summary["selections"])
    assert {"prompt", "cached", "decoded", "prm"} <= set(summary["tokens"])
    assert summary["flops"]["paper"] > 0 and summary["flops"]["full"] > 0
    assert set(summary["seconds"]) == PHASES
    rows = [json.loads(line) for line in (directory / "problems.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == 10
    assert all(len(row["candidates"]) == summary["budget"] for row in rows)
    assert sum(row["correct"] for row in rows) / 10 == pytest.approx(summary["accuracy"])
    with (directory / "accuracy.csv").open() as table:
        kinds = {row["kind"] for row in csv.DictReader(table)}
    assert kinds == {"overall", "quintile", "level", "budget"}
    assert (directory / ".hydra" / "config.yaml").is_file()


def test_a_search_leaves_its_trees_which_spell_its_candidates(
    sweep: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    run = RunDirectory(sweep[0] / "1")
    records, trees = run.records(), run.trees()
    assert list(trees) == [record.id for record in records]
    for record in records:
        tree = trees[record.id]
        spelled: list[str] = []
        for parent, text in zip(tree.parents, tree.texts, strict=True):
            spelled.append((spelled[parent] if parent >= 0 else "") + text)
        assert [spelled[node] for node in tree.candidates] == [candidate.text for candidate in record.candidates]
        assert [tree.values[node] for node in tree.candidates] == pytest.approx(
            [candidate.values[-1] for candidate in record.candidates], rel=1e-3
        )
    assert any(set(tree.parents) | set(tree.candidates) < {-1, *range(len(tree.parents))} for tree in trees.values())
    assert not RunDirectory(sweep[0] / "0").trees_file.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_whose_replies_are_all_stored_imports_neither_torch_nor_vllm_in_any_process(
    sweep: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, workers: int
) -> None:
    store = sweep[0].parent / "outputs" / "store.sqlite"
    command = ("run", "budget=8", "strategy=beam", "data.limit=10", f"store.path={store}", f"workers={workers}")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", PROBE, *command, "hydra.run.dir=again"],
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    imported = Counter(line.rpartition("|")[2].strip() for line in done.stderr.splitlines())  # by all processes
    assert imported["ttc.execution.runner"] == (1 if workers == 1 else 1 + workers)
    assert not imported.keys() & {"torch", "vllm"}
    for name in ("problems.jsonl", "trees.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (sweep[0] / "3" / name).read_bytes()


def test_the_table_names_the_run_and_its_subset(sweep: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output = sweep[1].stdout
    assert "best_of_n, budget 4, pocket (10 of 500 problems: data.limit=10)" in output
    assert "by quintile" in output and "weighted" in output


def test_a_quiet_run_prints_no_progress_bar_and_no_log_of_vllm(
    sweep: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    ours = ("solving: ", "Launching ", "\t#")  # and Hydra's line per job
    assert all(line.startswith(ours) for line in sweep[1].stderr.splitlines()), sweep[1].stderr
    assert "\x1b" not in sweep[1].stderr + sweep[1].stdout


def test_the_same_seed_gives_the_same_samples(
    sweep: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = ttc("run", "budget=4", "strategy=best_of_n", "data.limit=10", "hydra.run.dir=again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = [json.loads(line) for line in (tmp_path / "again" / "problems.jsonl").read_text().splitlines()]
    before = [json.loads(line) for line in (sweep[0] / "0" / "problems.jsonl").read_text().splitlines()]
    texts = [[[c["text"] for c in row["candidates"]] for row in rows] for rows in (again, before)]
    assert texts[0] == texts[1]


def test_a_killed_and_terminated_run_resumes_and_ends_with_the_tables_of_an_unbroken_one() -> None:
    script = Path(__file__).parents[2] / "scripts" / "tools" / "kill_and_resume.py"
    done = subprocess.run(
        [
            *(sys.executable, script, "--runs", "1", "--kills", "2", "--signals", "KILL,TERM", "--seed", "3"),
            *("--overrides", "strategy=beam budget=8 data.limit=8"),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "KILL after" in done.stdout and "TERM after" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["identical"] == 1


def test_a_finished_run_can_be_graded_again(sweep: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    before = (sweep[0] / "0" / "summary.json").read_bytes()
    summary = json.loads(before)
    done = ttc("grade", str(sweep[0] / "0"), cwd=sweep[0])
    assert done.returncode == 0, done.stderr
    assert f"{summary['accuracy']:.1%}" in done.stdout
    assert (sweep[0] / "0" / "summary.json").read_bytes() == before


def test_solutions_that_were_cut_are_counted_and_said_whichever_process_made_them(tmp_path: Path) -> None:
    command = ("run", "strategy=best_of_n", "budget=4", "data.limit=6", "generator.max_tokens=8", "workers=2")
    done = ttc(*command, "store=off", "hydra.run.dir=cut", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "cut" / "summary.json").read_text())
    assert (summary["shortfalls"]["truncated"], summary["shortfalls"]["solutions"]) == (24, 24)
    assert "warning: 24 of 24 solutions (100%) were cut at generator.max_tokens=8 or" in done.stdout


def test_a_context_that_no_problem_fits_into_is_one_line_before_any_weights_load(tmp_path: Path) -> None:
    done = ttc("run", "generator.max_model_len=3", "data.limit=5", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "generator.max_model_len=3: no problem leaves room" in done.stderr


def test_a_directory_without_a_checkpoint_is_one_line_before_any_weights_load(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = ttc("run", "generator.model=empty", "data.limit=5", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "config.json" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


def test_comparisons_that_time_out_are_counted_and_said(
    sweep: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    summary = json.loads((sweep[0] / "0" / "summary.json").read_text())
    assert summary["grading_timeouts"] == 0 and not any("grading_timeout" in note for note in summary["notes"])
    with Grader() as grader:
        grader.timed_out = 1200
        [note] = grading_notes(5.0, grader)
    assert note == "1,200 comparisons of answers reached grading_timeout=5 seconds and counted as not equal"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A sweep over two limits of FLOPs that buy the same budget."""
    directory = tmp_path_factory.mktemp("limited")
    command = ("run", "-m", "flops=1e9,1.001e9", "strategy=best_of_n", "data.limit=6", "hydra.sweep.dir=sweep")
    return directory / "sweep", ttc(*command, cwd=directory)


def test_flops_buy_the_largest_budget_and_the_tables_say_so(
    limited: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    directory, done = limited
    summary = json.loads((directory / "0" / "summary.json").read_text())
    plan = summary["plan"]
    assert (plan["unit"], plan["limit"], plan["convention"]) == ("flops", 1e9, "full")
    assert plan["budget"] == summary["budget"] > 1 and summary["generations"] == 6 * summary["budget"]
    assert plan["real"] == summary["flops"]["full"] / 6 <= 1e9
    assert plan["planned"] == pytest.approx(plan["real"], rel=0.1)
    assert plan["pilots"][str(plan["budget"])] == plan["planned"] and plan["pilot_problems"] == 6
    assert f"best_of_n, flops 1e+09 (budget {plan['budget']}), pocket (6 of 500" in done.stdout
    assert "1e+09 allowed (full FLOPs per problem)" in " ".join(done.stdout.split())
    [header] = [line.split() for line in done.stdout.splitlines() if "flops" in line and "seconds" in line]
    assert header[:4] == ["flops", "budget", "real", "cost"]


def test_a_limit_that_buys_nothing_is_one_line_after_the_pilot(tmp_path: Path) -> None:
    done = ttc("run", "flops=1e3", "strategy=best_of_n", "data.limit=6", "hydra.run.dir=run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "flops=1000: one generation of best_of_n costs about" in line and "use at least flops=" in line
    assert not (tmp_path / "run" / "summary.json").exists()


def test_runs_are_grouped_by_their_limits_not_by_what_these_buy(
    limited: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    runs = find_runs([limited[0]])
    assert len({run.summary["budget"] for run in runs}) == 1
    assert [run.settings["flops"] for run in runs] == ["1e+09", "1.001e+09"]
    assert not any("budget" in run.settings for run in runs)
