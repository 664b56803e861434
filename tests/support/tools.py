"""The programs of scripts/tools, as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

TOOLS = Path(__file__).resolve().parents[2] / "scripts" / "tools"


def load_tool(name: str) -> ModuleType:
    """Return `scripts/tools/NAME.py`, which is not part of a package, as a module."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
