"""The commands and the code of the README and of CONTRIBUTING work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from flows import PROBLEM, drive, solved
from typer.testing import CliRunner

from ttc.app.composing import compose_run
from ttc.cli import app
from ttc.engines.formats import StepFormat
from ttc.figures.catalogue import chosen_figures
from ttc.figures.recipes import recipes
from ttc.figures.settings import parse_settings
from ttc.types import Score

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / ".github/CONTRIBUTING.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.S)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith(("ttc run", "scripts/ttc run"))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_composes(command: str) -> None:
    words = shlex.split(command.removeprefix("scripts/"))[1:]
    words = [word for word in words if word not in ("-m", "--cfg", "job")]
    words = [re.sub(r"^(budget|strategy)=([^,]+),.*", r"\1=\2", word) for word in words]
    result = CliRunner().invoke(app, [*words, "--cfg", "job"])
    assert result.exit_code == 0, result.output


FIGURES = re.findall(r"^ttc figures(.*?)(?:#.*)?$", README, re.M)


@pytest.mark.parametrize("arguments", FIGURES)
def test_the_figures_of_the_readme_are_made_from_runs_that_compose(arguments: str) -> None:
    words = [word for word in arguments.split() if word != "--dry-run"]
    if "--from" in words:
        return
    settings = parse_settings([word for word in words if "=" in word])
    figures = chosen_figures([word for word in words if "=" not in word])
    needed = recipes([role for figure in figures for role in figure.roles], settings)
    for overrides in {
        tuple(o for o in recipe.overrides if not o.startswith(("budget=", "seed="))) for recipe in needed
    }:
        compose_run(overrides)
    assert len(needed) > 4


PYTHON = re.compile(r"```python\n(.*?)```", re.S)
IMPORTS = """
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from ttc.data.base import Dataset
from ttc.engines.base import Engine, Verifier
from ttc.engines.formats import StepFormat
from ttc.grading import AnswerGrader
from ttc.strategies.base import Strategy
from ttc.strategies.flows import sample, score
from ttc.types import Candidate, Flow, Problem, Trace
"""


def executed(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": __name__}
    exec(f"{IMPORTS}{code}", scope)
    return scope


def test_the_example_strategy_of_the_readme_stops_at_half_the_budget_when_the_verifier_is_sure() -> None:
    [code] = [code for code in PYTHON.findall(README) if "class" in code]
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    strategy = executed(code)["StopWhenSure"](sure=0.9)

    def solutions(*values: float) -> int:
        remaining = iter(values)
        found, _ = drive(
            strategy.solve(PROBLEM, 4), lambda r: next(remaining) if isinstance(r, Score) else solved(r.trace)
        )
        return len(found)

    assert solutions(0.1, 0.95) == 2
    assert solutions(0.1, 0.2, 0.3, 0.4) == 4


def test_the_examples_of_contributing_fit_their_base_classes() -> None:
    scope: dict[str, Any] = {}
    for code in PYTHON.findall(CONTRIBUTING):
        scope |= executed(code)
    assert [problem.gold for problem in scope["Sums"](count=3).load()] == ["2", "4", "6"]
    candidates, _ = drive(scope["Majority"]().solve(PROBLEM, 3), lambda request: solved(request.trace))
    assert len(candidates) == 3
    assert scope["LengthVerifier"]().name == "length"
    grader = scope["SameLength"]()
    assert grader.is_correct("12", "34") and not grader.is_correct("1", "34")
    assert issubclass(scope["TaggedFormat"], StepFormat) and not scope["TaggedFormat"].__abstractmethods__
