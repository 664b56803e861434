"""One clear line for an error, and its exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine, Outcome
from heavy_imports import PROBE

from ttc.cli import app
from ttc.errors import UserError

ERRORS = {
    "strategy=baem": "strategy=baem: no such strategy; did you mean strategy=beam? The options are: adaptive_c",
    "strategy=zzz": "strategy=zzz: no such strategy; the options are: adaptive_consistency, beam, best_of_n",
    "stratgy=beam": "stratgy=beam: no such key; did you mean strategy?",
    "strategy.widht=4": "strategy.widht=4: no such key in Beam; did you mean strategy.width?",
    "stratgy.width=4": "stratgy.width=4: no such key; did you mean strategy.width?",
    "width=4": "width=4: no such key; did you mean strategy.width?",
    "zzz=4": "zzz=4: no such key; use one of: aggregation, budget,",
    "strategy=majority strategy.width=4": "strategy.width=4: no such key in Majority; it has no keys",
    "+budgt=3": "+budgt: no such key in RunConfig; did you mean budget?",
    "budget=0": "budget=0: must be at least 1 generation per problem; use e.g. budget=64.",
    "budget=abc": "budget=abc: must be a whole number or null; use e.g. budget=64.",
    "flops=0": "flops=0.0: must be a number above 0, of FLOPs per problem; use e.g. flops=3e9.",
    "budget=64 flops=3e9": "budget=64 and flops=3000000000.0: a run has one budget; give one of them",
    "strategy.width=x": "strategy.width=x: must be a whole number or null; use e.g. strategy.width=4.",
    "selection=wieghted": "not one of majority, best, weighted, hierarchical; did you mean weighted?",
    "budget=10 strategy.width=4": "budget=10 is not a multiple of width=4; use 8 or 12.",
    "budget=4,16": "budget=4,16: several values make several jobs; add -m",
    "budget": "budget: not of the form key=value",
    "budget=[1": "budget=[1: cannot be read",
    "strategy=null": "strategy=null: must be the name of one of the group's options; use e.g. strategy=beam.",
    "budget=${nothing}": "budget=${nothing}: Interpolation key 'nothing' not found",
    "~strategy": "strategy has no value",
    "hydra.run.dri=x": "hydra.run.dri=x: no such key in RunDir; did you mean hydra.run.dir?",
    "prm=none": "prm=none: Beam needs a verifier",
    "data=jsonl data.path=missing.jsonl": "data.path=missing.jsonl: no such file",
    "data=jsonl data.path=rows.jsonl": "rows.jsonl:2 has no field 'answer'",
    "generator.model=no.model": "generator.model=no.model",
    "generator=chat": "generator.model has no value; set generator.model to a directory or a hub id.",
    "generator.sampling.min_p=0.1": "is not in the config yet; add it with a plus: +generator.sampling.min_p=...",
    "--cgf job": "unrecognized arguments: --cgf",
    "-cd nowhere": "--config-dir nowhere: no such directory",
    "-cn nothing": "Cannot find primary config 'nothing'",
    "--resolve": "only shows something together with --cfg job",
    "-m --cfg job": "exclude each other",
    "-sc install=bash": "ttc --install-completion",
    "-m budget=4,10 strategy=beam,best_of_n": "budget=10 is not a multiple of width=4; use 8 or 12.",
    "-m budget=4,x": "budget=x: must be a whole number",
    "-m strategy=beam,baem": "strategy=baem: no such strategy; did you mean strategy=beam?",
}


@pytest.mark.parametrize("arguments", ERRORS)
def test_a_user_error_is_one_line_and_exit_code_2_before_anything_runs(
    ttc: CommandLine, tmp_path: Path, arguments: str
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"problem": "1+1?", "answer": "2"}\n{"problem": "2+2?"}\n')
    outcome = ttc("run", *arguments.split())
    assert ERRORS[arguments] in outcome.err
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert (outcome.code, outcome.out, ttc.runs) == (2, "", [])
    assert list(tmp_path.iterdir()) == [rows]


def test_a_user_error_inside_a_job_is_one_line_too_and_is_logged(ttc: CommandLine) -> None:
    ttc.raises[3] = UserError("the hub has no such\nmodel; choose another.")
    assert ttc("run", "seed=3") == Outcome(2, "", "error: the hub has no such model; choose another.\n")
    [(_, directory)] = ttc.runs
    assert "the hub has no such" in (directory / "run.log").read_text()


def test_a_sweep_continues_after_a_failed_job_and_exits_with_2(ttc: CommandLine) -> None:
    ttc.raises[3] = UserError("seed=3 does not work; use 4.")
    outcome = ttc("run", "-m", "seed=3,4")
    assert [config.seed for config, _ in ttc.runs] == [3, 4]
    assert outcome.code == 2
    assert outcome.err.endswith("error: seed=3 does not work; use 4.\n")


def test_a_sweep_with_a_failed_job_still_merges_the_tables_of_the_others(
    ttc: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[Path] = []
    monkeypatch.setattr("ttc.app.sweep.merge_tables", merged.append)
    ttc.raises[3] = UserError("seed=3 does not work; use 4.")
    outcome = ttc("run", "-m", "seed=3,4,5")
    assert [path.absolute() for path in merged] == [ttc.runs[0][1].parent]
    assert (outcome.code, len(ttc.runs)) == (2, 3)


def test_a_bug_keeps_its_traceback(ttc: CommandLine) -> None:
    ttc.raises[3] = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        app(["run", "seed=3"])


@pytest.mark.parametrize("arguments", [["seed=3"], ["-m", "seed=3,4"]])
def test_an_interrupt_ends_run_and_sweep_with_130(ttc: CommandLine, arguments: list[str]) -> None:
    ttc.raises[3] = KeyboardInterrupt()
    outcome = ttc("run", *arguments)
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1].startswith("interrupted; run the same command again")
    assert len(ttc.runs) == 1


def test_a_user_error_is_reported_without_heavy_imports_from_any_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROBE, "run", "budget=10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert done.stderr == "error: budget=10 is not a multiple of width=4; use 8 or 12.\n"
