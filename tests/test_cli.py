"""The command line: all of Hydra, and one clear line for an error."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from heavy_imports import PROBE
from omegaconf import OmegaConf
from run_records import write_run

from ttc import __version__
from ttc.cli import app
from ttc.config import RunConfig
from ttc.errors import UserError
from ttc.execution.identity import identity_of
from ttc.runs.holding import hold
from ttc.strategies.beam import Beam


@dataclass
class Outcome:
    code: int
    out: str
    err: str


class CommandLine:
    """`ttc ARGS...` in this process, with an experiment that only records its config."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.runs: list[tuple[RunConfig, Path]] = []
        self.raises: dict[int, BaseException] = {}  # seed -> what the experiment raises

    def __call__(self, *arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as exit_:
            app(list(arguments), prog_name="ttc")
        captured = self._capsys.readouterr()
        code = exit_.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    def experiment(self, config: RunConfig, directory: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
        self.runs.append((config, directory))
        if config.seed in self.raises:
            raise self.raises[config.seed]
        return {"accuracy": 0.5}


@pytest.fixture
def ttc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Run in an empty directory; restore the root logger, which Hydra configures."""
    command_line = CommandLine(capsys)
    experiment = ModuleType("ttc.execution.experiment")
    experiment.run_experiment = command_line.experiment  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ttc.execution.experiment", experiment)
    monkeypatch.chdir(tmp_path)
    handlers, level = logging.root.handlers[:], logging.root.level
    yield command_line
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_the_version_is_printed(ttc: CommandLine) -> None:
    assert ttc("--version") == Outcome(0, f"ttc {__version__}\n", "")


def test_a_run_gets_its_config_and_a_dated_directory_below_the_working_directory(
    ttc: CommandLine, tmp_path: Path
) -> None:
    assert ttc("run", "strategy.width=8", "budget=16") == Outcome(0, "", "")
    [(config, directory)] = ttc.runs
    assert (config.budget, config.strategy) == (16, Beam(width=8))
    assert directory.parent.parent == tmp_path / "outputs"
    assert OmegaConf.load(directory / ".hydra" / "overrides.yaml") == ["strategy.width=8", "budget=16"]
    assert OmegaConf.load(directory / ".hydra" / "config.yaml").strategy.width == 8


def test_the_run_directory_can_be_chosen(ttc: CommandLine, tmp_path: Path) -> None:
    ttc("run", "hydra.run.dir=here")
    assert ttc.runs[0][1] == tmp_path / "here"


@pytest.mark.parametrize("arguments", [["-m", "budget=4,8", "seed=1,2"], ["budget=4,8", "--multirun", "seed=1,2"]])
def test_a_sweep_runs_every_job_in_its_own_directory(ttc: CommandLine, arguments: list[str]) -> None:
    assert ttc("run", *arguments).code == 0
    assert [(config.budget, config.seed) for config, _ in ttc.runs] == [(4, 1), (4, 2), (8, 1), (8, 2)]
    assert [directory.name for _, directory in ttc.runs] == ["0", "1", "2", "3"]


def test_cfg_job_shows_the_composed_config_and_runs_nothing(ttc: CommandLine) -> None:
    outcome = ttc("run", "strategy=majority", "--cfg", "job")
    assert OmegaConf.create(outcome.out).selection == "majority"
    assert (outcome.code, ttc.runs) == (0, [])


def test_help_lists_groups_and_examples(ttc: CommandLine) -> None:
    outcome = ttc("run", "--help")
    assert (
        "strategy: adaptive_consistency, beam, best_of_n, compute_optimal, dvts, lookahead, majority, mcts, particles"
        in outcome.out
    )
    assert "ttc run strategy=beam budget=64" in outcome.out


def test_a_user_defined_config_directory_adds_options(ttc: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine" / "strategy").mkdir(parents=True)
    (tmp_path / "mine" / "strategy" / "wide.yaml").write_text("defaults: [/Beam@_here_, _self_]\nwidth: 32\n")
    assert ttc("run", "-cd", "mine", "strategy=wide").code == 0
    assert ttc.runs[0][0].strategy == Beam(width=32)


def test_a_user_defined_config_is_found_relative_to_the_working_directory(ttc: CommandLine, tmp_path: Path) -> None:
    parts = "Majority@strategy, /VllmGenerator@generator, /PocketDataset@data, /OracleDifficulty@difficulty"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tiny.yaml").write_text(f"defaults: [/RunConfig, /{parts}, _self_]\nselection: majority\n")
    assert ttc("run", "-cp", "mine", "-cn", "tiny", "budget=2").code == 0
    assert ttc.runs[0][0].budget == 2


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
    "budget=abc": "budget=abc: must be a whole number; use e.g. budget=64.",
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


def test_a_training_runs_in_its_fixed_directory(
    ttc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttc.training.generator import GeneratorTraining

    ran: list[Any] = []
    monkeypatch.setattr(GeneratorTraining, "run", lambda self, directory: ran.append((self.seed, directory)))
    assert ttc("train", "generator", "seed=5") == Outcome(0, "", "")
    assert ran == [(5, tmp_path / "outputs" / "train" / "generator")]


def test_grade_prints_the_report_of_the_file(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttc.analysis.grade.grade_path", lambda path, out, **options: f"{path} -> {out}", raising=False)
    assert ttc("grade", "in.jsonl", "--out", "out.jsonl").out == "in.jsonl -> out.jsonl\n"


def test_grading_a_missing_file_is_one_line(ttc: CommandLine) -> None:
    outcome = ttc("grade", "missing.jsonl")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "missing.jsonl" in outcome.err


def test_a_user_error_is_reported_without_heavy_imports_from_any_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROBE, "run", "budget=10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert done.stderr == "error: budget=10 is not a multiple of width=4; use 8 or 12.\n"


# --- run directories


UNUSABLE = {
    "hydra.run.dir=file": "file is not a directory",
    "hydra.run.dir=file/deep/run": "Not a directory",
    "hydra.run.dir=broken": "is a broken link",
    "hydra.run.dir=/dev/null": "/dev/null is not a directory",
    f"hydra.run.dir={'x' * 300}": "File name too long",
    f"hydra.run.dir=new/deep/{'x' * 300}/run": "File name too long",
    "-m budget=4,8 hydra.sweep.dir=file": "Not a directory",
    "-m budget=4,8 hydra.sweep.dir=new hydra.sweep.subdir=../file": "cannot be used",
}


@pytest.mark.parametrize("arguments", UNUSABLE)
def test_a_directory_that_cannot_be_used_is_one_line_before_anything_runs(
    ttc: CommandLine, tmp_path: Path, arguments: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    outcome = ttc("run", *arguments.split())
    line = outcome.err.splitlines()[-1]
    assert UNUSABLE[arguments] in line and line.startswith("error: hydra.") and outcome.code == 2
    assert line.endswith("; choose a directory that can be written.") and ttc.runs == []


class Results:
    """Stands for an experiment that writes its results."""

    def __init__(self, ttc: CommandLine) -> None:
        self._record = ttc.experiment

    def __call__(self, config: RunConfig, directory: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
        write_run(directory, identity=identity_of(config, overrides))
        return self._record(config, directory, overrides)


@pytest.fixture
def results(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["ttc.execution.experiment"], "run_experiment", Results(ttc))


def test_a_run_of_other_settings_is_refused_before_hydra_writes_anything(
    ttc: CommandLine, results: None, tmp_path: Path
) -> None:
    assert ttc("run", "budget=4", "store=off", "hydra.run.dir=here").code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file()}
    outcome = ttc("run", "budget=8", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "holds a finished run of other settings (budget=4 store=off); choose another directory" in outcome.err
    assert {path: path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file()} == before
    assert ttc("run", "budget=4", "workers=2", "hydra.run.dir=here").code == 0  # the same results


def test_a_sweep_over_finished_jobs_of_other_settings_is_refused_before_its_first_job(
    ttc: CommandLine, results: None, tmp_path: Path
) -> None:
    assert ttc("run", "-m", "budget=4,8", "hydra.sweep.dir=here").code == 0
    assert ttc("run", "-m", "budget=4,8", "hydra.sweep.dir=here").code == 0
    ttc.runs.clear()
    outcome = ttc("run", "-m", "budget=4,16", "hydra.sweep.dir=here")
    assert (outcome.code, outcome.err.count("\n"), ttc.runs) == (2, 1, [])
    assert "hydra.sweep.dir: " in outcome.err and "here/1 holds a finished run of other settings" in outcome.err


def test_a_directory_that_another_process_writes_is_refused(ttc: CommandLine, tmp_path: Path) -> None:
    with hold(tmp_path / "here"):
        outcome = ttc("run", "hydra.run.dir=here")
    assert outcome.code == 2 and "is being written by another process" in outcome.err and ttc.runs == []


@pytest.mark.parametrize("arguments", [["seed=3"], ["-m", "seed=3,4"]])
def test_a_full_disk_ends_run_and_sweep_with_one_line(ttc: CommandLine, arguments: list[str]) -> None:
    ttc.raises[3] = OSError(28, "No space left on device", "/some/file")
    outcome = ttc("run", *arguments)
    assert (outcome.code, len(ttc.runs)) == (1, 1)
    assert outcome.err.splitlines()[-1].startswith("error: /some/file: No space left on device; make room on the disk")
    assert "Traceback" not in outcome.err


def test_a_full_disk_is_one_line_while_hydra_writes_too(ttc: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hydra.core.utils._save_config", full)
    outcome = ttc("run", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n"), ttc.runs) == (1, 1, [])
    assert "here: No space left on device; make room on the disk" in outcome.err


def test_a_training_of_other_settings_is_refused_before_hydra_writes_anything(
    ttc: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttc.training.generator import GeneratorTraining

    monkeypatch.setattr(GeneratorTraining, "run", lambda self, directory: self._bind(directory))
    assert ttc("train", "generator", "hydra.run.dir=here").code == 0
    before = (tmp_path / "here" / ".hydra" / "overrides.yaml").read_bytes()
    outcome = ttc("train", "generator", "seed=5", "hydra.run.dir=here")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1) and "holds a training of other settings" in outcome.err
    assert (tmp_path / "here" / ".hydra" / "overrides.yaml").read_bytes() == before
    assert ttc("train", "generator", "hydra.run.dir=here").code == 0
