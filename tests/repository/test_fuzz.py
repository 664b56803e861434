"""Some of scripts/tools/fuzz.py: bad inputs end on one line, hostile completions are graded without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/tools/fuzz.py"


def fuzz(*arguments: str) -> str:
    """Run the script; return what it prints, with the failures at the end."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_bad_inputs_end_with_one_line_and_leave_nothing() -> None:
    table = fuzz("inputs", "--short", "--cases", "40").splitlines()
    rows = {line.rsplit(maxsplit=6)[0].strip(): line.split()[-2] for line in table[1:]}
    assert set(rows.values()) == {"0"}
    assert {"overrides", "arguments", "data files", "checkpoints", "run directories", "stores"} <= set(rows)


def test_hostile_completions_are_graded_in_bounds_and_never_executed() -> None:
    assert "100 completions: " in fuzz("completions", "--count", "100")
