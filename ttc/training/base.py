"""The base class of the trainings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Training(ABC):
    """One `ttc train ...` command. Subclasses are dataclasses whose fields are the keys of their config."""

    def check(self) -> None:
        """Refuse impossible settings before any weights load.

        Raises:
            UserError: with the value, the rule and the remedy.
        """

    def refuse_directory(self, directory: Path) -> None:
        """Refuse a directory that holds what other settings made; nothing is written.

        Raises:
            UserError: with the setting that differs.
        """

    @abstractmethod
    def run(self, directory: Path) -> None:
        """Train, resuming what an interrupted run left in `directory`, and write `directory/model`."""
