"""A `ttc` that tells, after its own work, which heavy libraries it imported."""

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
