"""What a tracker is: a place that hears of a run's config, of its progress, and of its results."""

from __future__ import annotations

import importlib
import importlib.util
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from ttc.errors import UserError
from ttc.terminal import printable_line

Cell = str | int | float | None


@dataclass(frozen=True)
class TrackedRun:
    """The run that is tracked.

    Attributes:
        name: for people.
        directory: of its files.
        config: the composed one, as plain JSON values.
    """

    name: str
    directory: Path
    config: Mapping[str, object]


@dataclass(frozen=True)
class TrackedTable:
    """accuracy.csv: its columns and rows, and the file."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    file: Path


class Session(Protocol):
    """A run at a tracker. All of its methods are called in one thread, and may raise anything."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Report progress; steps count the reports, from 0."""

    def finish(self, summary: Mapping[str, object], table: TrackedTable) -> None:
        """Report the content of summary.json and the table, and end the run."""

    def abort(self) -> None:
        """End the run as one that failed."""


@dataclass
class Tracker(ABC):
    """Where a run reports to. Subclasses are dataclasses whose fields are the keys of their YAML file.

    Nothing of it is part of what identifies a run, or of the keys under which replies are stored.
    """

    package: ClassVar[str]  # that must be installed
    client: ClassVar[str]  # the module of it that is used
    option: ClassVar[str]  # of the config group

    def check(self) -> None:
        """Refuse what cannot work before any weights load.

        The package is imported here, and not while engines may be starting processes of their own.

        Raises:
            UserError: the package is not installed, or cannot be imported.
        """
        if importlib.util.find_spec(self.package) is None:
            raise UserError(
                f"tracker={self.option}: the package {self.package} is not installed; pip install {self.package}, or "
                "use tracker=none."
            )
        try:
            importlib.import_module(self.client)
        except Exception as error:  # whatever a broken installation raises
            raise UserError(
                f"tracker={self.option}: the package {self.package} cannot be imported "
                f"({printable_line(error, 200)}); install it anew, or use tracker=none."
            ) from None

    @abstractmethod
    def start(self, run: TrackedRun) -> Session:
        """Begin to track a run; may raise anything."""


def flattened(node: object, prefix: str = "") -> dict[str, object]:
    """Return the values of nested mappings by dotted names."""
    if not isinstance(node, Mapping):
        return {prefix: node}
    found: dict[str, object] = {}
    for key, value in node.items():
        found |= flattened(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def numbers_of(summary: Mapping[str, object]) -> dict[str, float]:
    """Return the finite numbers of a summary by dotted names; those in lists, such as intervals, are left out."""
    return {
        name: float(value)
        for name, value in flattened(summary).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
