"""What the README says on the command line is accepted by the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ttc.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text()
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
