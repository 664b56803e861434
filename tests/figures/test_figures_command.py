"""`ttc figures` and `ttc claims`, on the pocket's models and without any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import CommandLine
from figure_runs import even, rows, write_all
from menus import BEAM, finished_run

from ttc.figures.recipes import Role
from ttc.runs.directory import RunDirectory

SMALL = ("data.limit=6", "max_budget=4", "store.path=store.sqlite")


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "ttc", *arguments], cwd=directory, env=environment, capture_output=True, text=True
    )


def test_figures_are_run_once_and_drawn_again_from_what_exists(tmp_path: Path) -> None:
    first = run(tmp_path, "figures", "3L", "6", *SMALL)
    assert first.returncode == 0, first.stderr
    out = tmp_path / "outputs" / "figures"
    assert "3 figures with their data" in first.stdout and "figures: " in first.stderr
    table = pd.read_csv(out / "figure-03-left.csv")
    assert set(table[table["series"] == "beam, M = 4"]["x"]) == {1, 2, 4} and set(table["n"]) == {6}
    drawn = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
    second = run(tmp_path, "figures", "3L", "6", *SMALL)
    assert second.returncode == 0 and "figures: " not in second.stderr  # nothing was run
    assert drawn == {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}


def test_a_dry_run_says_what_would_be_run_and_writes_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, "figures", "3R", "--dry-run", *SMALL)
    assert found.returncode == 0, found.stderr
    rows = {line.split()[0]: line.split()[1:4] for line in found.stdout.splitlines() if line.strip()}
    assert rows["best_of_n"] == ["1", "0", "24"] and rows["beam"] == ["3", "0", "42"] and rows["all"][0] == "4"
    assert "6 problems; about" in found.stdout
    assert not (tmp_path / "outputs").exists() and not (tmp_path / "store.sqlite").exists()


def test_figures_and_claims_of_existing_runs_need_no_model(ttc: CommandLine, tmp_path: Path) -> None:
    write_all(tmp_path / "runs")
    made = ttc("figures", "--from", "runs", "--out", "out")
    assert made.code == 0, made.err
    assert "18 figures with their data: out/README.md" in made.out and "\nC14  " in made.out
    shown, page = ttc("claims", "out"), ttc("claims", "out", "--format", "md")
    assert shown.out.splitlines()[0] == made.out.splitlines()[0]
    assert page.out.split("\n\n")[2] in (tmp_path / "out" / "claims.md").read_text()
    assert ttc("claims", "runs").out == shown.out


def test_runs_that_allow_some_figures_only_give_those_and_the_reasons(ttc: CommandLine, tmp_path: Path) -> None:
    samples = rows(Role.best_of_n, 8, even)
    finished_run(tmp_path / "runs" / "bon", samples, strategy="best_of_n")  # no values after every step
    finished_run(tmp_path / "runs" / "beam", rows(Role.beam, 6, even), config=BEAM, independent=False, strategy="beam")
    made = ttc("figures", "--from", "runs", "--out", "out")
    assert made.code == 0, made.err
    assert "figure 13: runs/bon has no values after every step" in made.out and "C7   not testable here" in made.out
    assert (tmp_path / "out" / "figure-03-left.svg").is_file()


def test_too_few_problems_for_bins_leave_the_other_figures(ttc: CommandLine, tmp_path: Path) -> None:
    write_all(tmp_path / "runs")
    for file in (tmp_path / "runs").rglob("problems.jsonl"):
        kept = file.read_text().splitlines(keepends=True)[:3]
        file.write_text("".join(kept))
        summary = json.loads((file.parent / "summary.json").read_text())
        (file.parent / "summary.json").write_text(json.dumps(summary | {"files": {}}))
    made = ttc("figures", "--from", "runs", "--out", "out")
    assert made.code == 0, made.err
    assert "cross-validation needs at least 4" in made.out and (tmp_path / "out" / "figure-03-left.svg").is_file()


def test_a_figure_alone_leaves_the_claims_of_all_runs_as_they_are(ttc: CommandLine, tmp_path: Path) -> None:
    write_all(tmp_path / "runs")
    ttc("figures", "--from", "runs", "--out", "out")
    before = (tmp_path / "out" / "claims.csv").read_bytes()
    write_all(tmp_path / "others", without=(Role.larger, Role.revisions))
    assert ttc("figures", "4", "--from", "others", "--out", "out").code == 0
    assert (tmp_path / "out" / "claims.csv").read_bytes() == before
    assert "## Figure 16" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figures", "2"], "figure 2: there is none"),
        (["figures", "budget"], "budget: no such figure or setting"),
        (["figures", "max_budget=1"], "max_budget=1: must be at least 4"),
        (["figures", "3", "generator=pockett"], "generator=pockett: no such generator; did you mean generator=pocket?"),
        (["figures", "3", "data.limit=-1"], "data.limit=-1"),
        (["figures", "--from", "nowhere"], "nowhere holds no finished run"),
        (["figures", "--from", "runs", "--out", "file"], "--out="),
        (["figures", "--from", "runs", "data.limit=3"], "data.limit=3: with --from nothing is run"),
        (["figures", "--from", "runs", "--dry-run"], "--dry-run: with --from nothing is run"),
        (["claims", "nowhere"], "nowhere holds no finished run"),
        (["claims", "damaged"], "damaged/claims.csv is not the evidence"),
        (["claims", "runs", "--format", "html"], "--format html"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    ttc: CommandLine, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_all(tmp_path / "runs", without=tuple(set(Role) - {Role.best_of_n, Role.beam}))
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "claims.csv").write_text("claim,test\nC1,2\n")
    found = ttc(*arguments)
    assert found.code == 2 and found.err.startswith(f"error: {message}") and found.err.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


def test_runs_on_different_problems_are_compared_on_those_that_all_have(ttc: CommandLine, tmp_path: Path) -> None:
    write_all(tmp_path / "runs", without=tuple(set(Role) - {Role.best_of_n, Role.beam}))
    for file in (tmp_path / "runs" / Role.beam).rglob("problems.jsonl"):
        run = RunDirectory(file.parent)
        kept = [row for row in file.read_text().splitlines() if int(json.loads(row)["id"][1:]) % 2]
        run.write(run.summary(), pd.read_csv(run.accuracy_file), kept)
    made = ttc("figures", "3L", "--from", "runs", "--out", "out")
    assert made.code == 0 and "note: 20 of 40 problems are in all runs; the others are left out" in made.err
    assert set(pd.read_csv(tmp_path / "out" / "figure-03-left.csv")["n"]) == {20}
    assert "20 problems of" in (tmp_path / "out" / "README.md").read_text()


def test_runs_without_a_common_problem_are_refused(ttc: CommandLine, tmp_path: Path) -> None:
    write_all(tmp_path / "runs", without=tuple(set(Role) - {Role.best_of_n, Role.beam}))
    for file in (tmp_path / "runs" / Role.beam).rglob("problems.jsonl"):
        run = RunDirectory(file.parent)
        run.write(run.summary(), pd.read_csv(run.accuracy_file), [file.read_text().replace('"id": "p', '"id": "q')])
    made = ttc("figures", "--from", "runs", "--out", "out")
    assert made.code == 2 and "no problem is in all of these runs" in made.err and not (tmp_path / "out").exists()
