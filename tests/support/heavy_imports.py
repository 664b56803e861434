"""The code of a `ttc` process that prints, when it exits, which heavy libraries it has imported."""

from __future__ import annotations

HEAVY = ("torch", "vllm", "transformers", "pandas", "numpy", "sympy", "datasets")
PROBE = f"""
import sys
from ttc.cli import app
try:
    app(prog_name="ttc")
finally:
    print([name for name in {HEAVY} if name in sys.modules])
"""
