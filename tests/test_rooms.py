"""Imports point downward only (the house's rooms), lazily written ones included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttc

PACKAGE = Path(ttc.__file__).parent
ROOMS = (
    "cli",
    "launch",
    "completion",
    "explain",
    "store_report",
    "sweep",
    "experiment",
    "workers",
    "worker",
    "recorder",
    "config",
    "training",
    "analysis",
    "progress",
    "runner",
    "strategies",
    "difficulty",
    "replay",
    "store",
    "engines",
    "prm",
    "ledger",
    "selection",
    "grading",
    "data",
    "rows",
    "pocket",
    "types",
    "meter",
    "errors",
    "__init__",
)
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """`ttc.engines.vllm` -> `engines`."""
    return [*module.split("."), "__init__"][1]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """The lines and modules of every import of `ttc` in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            # `from ttc import data` imports a room, `from ttc import __version__` does not
            names = [f"ttc.{a.name}" if a.name in ROOMS else "ttc" for a in node.names]
            names = names if node.module == "ttc" else [node.module or ""]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name == "ttc" or name.startswith("ttc."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in ROOMS, f"give {room} a place among the rooms"
    upward = [
        f"{path.name}:{line} imports {module}"
        for line, module in imported(path)
        if room_of(module) != room and ROOMS.index(room_of(module)) < ROOMS.index(room)
    ]
    assert not upward


def test_the_check_sees_lazy_imports_too(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text("def f():\n    from ttc.cli import app\n    from ttc import runner, __version__\n")
    assert [module for _, module in imported(file)] == ["ttc.cli", "ttc.runner", "ttc"]
