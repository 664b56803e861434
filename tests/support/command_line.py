"""`ttc ARGS...` in the test's process: its fixture `ttc`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from ttc.cli import app
from ttc.config import RunConfig


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
