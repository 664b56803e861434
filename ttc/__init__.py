"""Experiments in test-time compute: with a model, a verifier and a budget, how should a problem's compute be spent?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ttc.runs.frames import RunFrames, load_run, load_runs

__version__ = "0.2.0"
__all__ = ["RunFrames", "__version__", "load_run", "load_runs"]


def __getattr__(name: str) -> object:
    """Import pandas only when runs are loaded: the command line answers in milliseconds without it."""
    if name in ("RunFrames", "load_run", "load_runs"):
        import ttc.runs.frames

        return getattr(ttc.runs.frames, name)
    raise AttributeError(f"module 'ttc' has no attribute {name!r}")
