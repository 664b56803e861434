"""Sweeps whose jobs Hydra's launchers run in other processes: joblib, submitit and Ray."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from quick_parts import PARTS

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts/cluster"
NEEDED = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "ray": "ray",
}
POCKET = ("run", "-m", "strategy=majority", "prm=none", "budget=2,4", "data.limit=6")
QUICK: tuple[str, ...] = (
    "run",
    "-m",
    "generator._target_=parts.Quick",
    "strategy._target_=parts.Failing",
    "selection=majority",
)
QUICK += ("budget=4", "data.limit=2", "store=off", "hydra.sweep.dir=swept")
WITHOUT_PACKAGES = """
import sys
sys.modules["hydra_plugins"] = sys.modules["ray"] = None
from ttc.__main__ import main
main()
"""


def installed(launcher: str) -> bool:
    module = NEEDED[launcher]
    package = module.partition(".")[0]
    return find_spec(package) is not None and find_spec(module) is not None


LAUNCHERS = [
    pytest.param(name, marks=pytest.mark.skipif(not installed(name), reason="the launcher's package is not installed"))
    for name in NEEDED
]
needs_submitit = pytest.mark.skipif(not installed("submitit_local"), reason="hydra-submitit-launcher is not installed")


def ttc(
    directory: Path, *arguments: str, program: tuple[str, ...] = ("-m", "ttc"), path: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": f"{path}:{os.environ['PATH']}"}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of the basic launcher."""
    directory = tmp_path_factory.mktemp("basic")
    assert ttc(directory, *POCKET, "hydra.sweep.dir=swept").returncode == 0
    return directory / "swept"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Path]:
    """A directory with a module beside the user."""
    (tmp_path / "parts.py").write_text(PARTS)
    yield tmp_path


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_tables_are_those_of_the_basic_launcher(launcher: str, basic: Path, tmp_path: Path) -> None:
    done = ttc(tmp_path, *POCKET, "hydra.sweep.dir=swept", f"hydra/launcher={launcher}")
    assert done.returncode == 0, done.stderr
    for job in ("0", "1"):
        assert (tmp_path / "swept" / job / "accuracy.csv").read_bytes() == (basic / job / "accuracy.csv").read_bytes()
        assert "accuracy by quintile" in (tmp_path / "swept" / job / "output.txt").read_text()
    assert "accuracy by quintile" not in done.stdout and "sweep of 2 jobs" in done.stdout
    two, four = (answers(tmp_path / "swept" / job) for job in ("0", "1"))
    assert two == [row[:2] for row in four]  # the jobs share the replies of one store, whichever was first


def answers(run: Path) -> list[list[str | None]]:
    rows = [json.loads(line) for line in (run / "problems.jsonl").read_text().splitlines()]
    return [[candidate["answer"] for candidate in row["candidates"]] for row in rows]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_failed_job_is_one_line_and_the_others_keep_their_results(launcher: str, parts: Path) -> None:
    done = ttc(parts, *QUICK, "strategy.how=mistake,never,bug", f"hydra/launcher={launcher}")
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "error: how=mistake does not work; use how=never." in lines
    [bug] = [line for line in lines if line.startswith("swept/2: ZeroDivisionError: a bug; this is a bug")]
    assert bug.endswith("swept/2/run.log.") and "Traceback" in (parts / "swept/2/run.log").read_text()
    assert "sweep of 1 job" in done.stdout and (parts / "swept/sweep.csv").is_file()
    assert (parts / "swept/1/accuracy.csv").is_file()


@pytest.mark.parametrize("launcher", [LAUNCHERS[0], LAUNCHERS[2]])  # submitit polls for 20 s
def test_a_worker_that_dies_is_one_line(launcher: str, parts: Path) -> None:
    done = ttc(parts, *QUICK, "strategy.how=death", f"hydra/launcher={launcher}", "seed=0,1")
    [error] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and "run the same command again" in error and "Traceback" not in done.stderr


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_an_interrupt_ends_the_workers(launcher: str, parts: Path) -> None:
    command = [sys.executable, "-m", "ttc", *QUICK, "strategy.how=hang", f"hydra/launcher={launcher}", "seed=0,1"]
    with subprocess.Popen(
        command,
        cwd=parts,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    ) as process:
        try:
            wait_for(lambda: any("hanging" in file.read_text() for file in parts.glob("swept/*/output.txt")))
            workers = descendants(process.pid)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            _, err = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("interrupted; run the same command again") and "Traceback" not in err
    wait_for(lambda: not any(is_running(pid) for pid in workers))


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    children = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
    ]
    return [*children, *(pid for child in children for pid in descendants(child))]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("launcher", "package"),
    [
        ("joblib", "hydra-joblib-launcher"),
        ("submitit_local", "hydra-submitit-launcher"),
        ("submitit_slurm", "hydra-submitit-launcher"),
        ("ray", "ray"),
    ],
)
def test_a_launcher_whose_package_is_missing_is_one_line(launcher: str, package: str, tmp_path: Path) -> None:
    arguments = ("run", "-m", "budget=4,8", f"hydra/launcher={launcher}")
    done = ttc(tmp_path, *arguments, program=("-c", WITHOUT_PACKAGES))
    assert (done.returncode, done.stdout, [*tmp_path.iterdir()]) == (2, "", [])
    assert done.stderr == (
        f"error: hydra/launcher={launcher}: the package {package} is not installed; pip install {package}, or leave "
        "the launcher out.\n"
    )


def test_a_launcher_without_a_sweep_is_refused(tmp_path: Path) -> None:
    done = ttc(tmp_path, "run", "hydra/launcher=ray")
    assert (done.returncode, [*tmp_path.iterdir()]) == (2, [])
    assert done.stderr == (
        "error: hydra/launcher=ray: launches the jobs of a sweep; add -m, or leave the launcher out.\n"
    )


@needs_submitit
def test_slurm_is_refused_where_there_is_none(tmp_path: Path) -> None:
    done = ttc(tmp_path, "run", "-m", "budget=4,8", "hydra/launcher=submitit_slurm")
    assert (done.returncode, [*tmp_path.iterdir()]) == (2, [])
    assert done.stderr.startswith("error: hydra/launcher=submitit_slurm: this machine has no command sbatch; ")


SLURM = {
    "sbatch": """
cp "$1" "$SLURM_RECORD"
for task in 0 1; do
    env SLURM_JOB_ID=$((4711 + task)) SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=$task SLURM_JOB_NODELIST=node \\
        SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0 SLURM_NTASKS=1 SLURM_NNODES=1 bash "$1" >/dev/null 2>&1 &
done
echo "Submitted batch job 4711"
""",
    "srun": """
until [[ $1 == *python* ]]; do shift; done
exec "$@"
""",
    "sacct": """
echo "JobID|State|NodeList"
""",
}


@needs_submitit
def test_slurm_gets_an_array_of_jobs_with_the_resources_of_the_overrides(
    parts: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = tmp_path_factory.mktemp("slurm")
    for name, script in SLURM.items():
        (commands / name).write_text(f"#!/bin/bash\n{script}")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("SLURM_RECORD", str(commands / "record"))
    resources = {"partition": "gpu", "gpus_per_node": "1", "timeout_min": "720", "array_parallelism": "1"}
    overrides = [f"hydra.launcher.{name}={value}" for name, value in resources.items()]
    setup = "hydra.launcher.setup=['export HF_HUB_OFFLINE=1']"
    done = ttc(parts, *QUICK, "seed=0,1", "hydra/launcher=submitit_slurm", *overrides, setup, path=str(commands))
    assert done.returncode == 0, done.stderr
    assert "sweep of 2 jobs" in done.stdout
    script = (commands / "record").read_text()
    for line in ("--partition=gpu", "--gpus-per-node=1", "--time=720", "--array=0-1%1", "--job-name=run"):
        assert f"#SBATCH {line}\n" in script
    assert "\nexport HF_HUB_OFFLINE=1\n" in script and "-m submitit.core._submit" in script


def test_the_scripts_run_shards_and_their_merged_run_has_all_problems(parts: Path) -> None:
    command = parts / "ttc"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m ttc "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "TTC": str(command)}
    overrides = ("generator._target_=parts.Quick", "strategy=majority", "prm=none", "budget=2", "data.limit=5")

    def script(name: str, directory: str, **variables: str) -> None:
        line = ["bash", str(SCRIPTS / name), "2", directory, *overrides]
        subprocess.run(line, cwd=parts, env=environment | variables, check=True, capture_output=True)

    script("shards.sh", "node")
    for task in ("1", "2"):
        script("shards.sbatch", "array", SLURM_ARRAY_TASK_ID=task)
    stores = ("array/store-1.sqlite", "array/store-2.sqlite")
    assert ttc(parts, "merge", "array/shard-1", "array/shard-2", "--out", "array/all").returncode == 0
    assert ": 2 stores merged: 10 replies added" in ttc(parts, "store", "merge", *stores, "--into", "all.sqlite").stdout
    for merged in ("node/all", "array/all"):
        assert json.loads((parts / merged / "summary.json").read_text())["n_problems"] == 5
