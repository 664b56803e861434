"""What the README says on the command line is accepted by the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from flows import PROBLEM, drive, solved
from typer.testing import CliRunner

from ttc.cli import app
from ttc.strategies.parallel import check_positive
from ttc.types import Score

README = (Path(__file__).parents[2] / "README.md").read_text()
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


def test_the_example_strategy_stops_at_half_of_the_budget_when_the_verifier_is_sure() -> None:
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    words = "from dataclasses import dataclass\nfrom ttc.strategies.flows import *\nfrom ttc.types import *\n"
    scope: dict[str, Any] = {"__name__": __name__, "check_positive": check_positive}
    exec(f"from __future__ import annotations\n{words}{code}", scope)
    strategy = scope["StopWhenSure"](sure=0.9)

    def solutions(*values: float) -> int:
        remaining = iter(values)
        found, _ = drive(
            strategy.solve(PROBLEM, 4), lambda r: next(remaining) if isinstance(r, Score) else solved(r.trace)
        )
        return len(found)

    assert solutions(0.1, 0.95) == 2
    assert solutions(0.1, 0.2, 0.3, 0.4) == 4
