"""Engines that were loaded only when they were first asked: what that took belongs to loading, not to answering."""

from __future__ import annotations


class LateLoads:
    """Counts such loads of this process, so that whoever asked an engine knows whether it was loaded meanwhile."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


late_loads = LateLoads()
