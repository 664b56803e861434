"""Several processes fit one model as one process would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ttc.errors import RunError, UserError
from ttc.training import processes
from ttc.training.generator import GeneratorTraining
from ttc.training.language_model import LlamaShape
from ttc.training.loop import Optimisation, Precision, Switch
from ttc.training.processes import errors_left_to_main, hidden_launcher, is_main, wait_for_file, world_size

LAUNCH = ("accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1")
PLAIN = ("--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0")


def launch(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a script or a module in two processes on the CPU."""
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", *LAUNCH, *PLAIN, *command]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=300)


def test_without_a_launcher_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")  # some clusters set it for their own purposes
    assert world_size() == 1 and is_main()


@pytest.mark.parametrize(("rank", "main"), [("0", True), ("1", False)])
def test_the_process_of_rank_0_is_the_main_one(rank: str, main: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert world_size() == 2 and is_main() is main


def test_the_launchers_variables_are_hidden_and_come_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = {"RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "ACCELERATE_USE_CPU": "true"}
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):  # vLLM may have set them
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    with pytest.raises(KeyError), hidden_launcher():
        assert before.keys() - os.environ.keys() == launcher.keys()
        raise KeyError
    assert dict(os.environ) == before


def test_a_process_waits_until_the_file_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            (tmp_path / "done").touch()

    monkeypatch.setattr("ttc.training.processes.time.sleep", sleep)
    wait_for_file(tmp_path / "done")
    assert len(waits) == 3


@pytest.mark.parametrize(("rank", "waits"), [(0, []), (1, [processes.SECONDS_FOR_MAIN_TO_FAIL])])
@pytest.mark.parametrize("error", [UserError("x"), RunError("x")])
def test_the_main_process_reports_an_error_first(
    error: Exception, rank: int, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("ttc.training.processes.time.sleep", waited.append)
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(type(error)), errors_left_to_main():
        raise error
    assert waited == waits


def test_two_processes_train_the_same_weights_as_one_and_write_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    GeneratorTraining(
        shape=LlamaShape(hidden_size=16, layers=1, heads=2, ffn_size=32),
        optimisation=Optimisation(steps=4, warmup_steps=2, precision=Precision.float32, compile=Switch.off),
        tokenizer_documents=300,
    ).run(tmp_path / "one")
    settings = ["shape.hidden_size=16", "shape.layers=1", "shape.heads=2", "shape.ffn_size=32"]
    settings += ["optimisation.steps=4", "optimisation.warmup_steps=2", "optimisation.precision=float32"]
    settings += ["optimisation.compile=off", "tokenizer_documents=300", f"hydra.run.dir={tmp_path / 'two'}"]
    done = launch("-m", "ttc", "train", "generator", *settings)
    assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["model"] for name in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-5) for name in one)
    written = {file.name for file in (tmp_path / "one").iterdir()}
    assert {file.name for file in (tmp_path / "two").iterdir()} == written | {".hydra", "train_generator.log"}


STOPPING = """
import json, os, sys, torch
from pathlib import Path
from ttc.training.loop import Optimisation, Precision, train_model

directory, rank = Path(sys.argv[1]), int(os.environ["RANK"])
steps, evaluated = [], []

def batch_at(step):
    steps.append(step)
    x = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(step))
    return [{"x": part, "n_tokens": torch.tensor(8)} for part in x]

def evaluate(model, step):
    evaluated.append(step)
    return ""

torch.manual_seed(rank)  # weights that only some processes have drawn must not matter
model = torch.nn.Linear(4, 1)
train_model(
    model, batch_at, lambda model, batch: (model(batch["x"]) - 1).square().mean(),
    Optimisation(steps=100, warmup_steps=1, precision=Precision.float32), directory, title="fit", fingerprint="",
    evaluate=evaluate, evaluate_every=5, should_stop=lambda: len(evaluated) == 2,
)
found = {"steps": len(steps), "evaluated": evaluated, "weights": model.weight.tolist()}
(directory / f"{rank}.json").write_text(json.dumps(found))
"""


def test_the_main_process_evaluates_and_when_it_stops_early_all_stop_with_its_weights(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "script.py").write_text(STOPPING)
    done = launch(str(tmp_path / "script.py"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    main, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert main["evaluated"] == [5, 10] and other["evaluated"] == []
    assert main["steps"] == other["steps"] == 10 and main["weights"] == other["weights"]


FAILING = """
import os, sys
from pathlib import Path
from ttc.training.collect import collect
from ttc.engines.generator import VllmGenerator

def problems():
    raise SystemExit(3)
    yield

(Path(sys.argv[1]) / os.environ["RANK"]).touch()
collect(Path(sys.argv[1]) / "train.jsonl", problems(), VllmGenerator(), None, None, title="", seed=0)
(Path(sys.argv[1]) / "collected").touch()
"""


def test_when_the_main_process_fails_the_others_do_not_wait_for_its_samples(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "script.py").write_text(FAILING)
    failed = launch(str(tmp_path / "script.py"), str(tmp_path))  # raises if it takes minutes
    assert failed.returncode != 0 and "exitcode  : 3" in failed.stderr
    assert not (tmp_path / "collected").exists()


def test_an_error_that_all_processes_meet_is_printed_once(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    failed = launch("-m", "ttc", "train", "generator", "optimisation.steps=0", f"hydra.run.dir={tmp_path / 'run'}")
    assert failed.returncode != 0
    lines = [line for line in failed.stderr.splitlines() if line.startswith("error:") or "terminated" in line]
    assert lines == ["error: optimisation.steps=0 must be at least 1; use e.g. 1000."]
    assert not (tmp_path / "run").exists()
